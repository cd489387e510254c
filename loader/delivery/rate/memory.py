"""The memory of learned rates: it gives the next load a start rate.

The memory is a small JSON file in the user's state folder (``XDG_STATE_HOME``, else ``~/.local/state``). Its
keys are digests of endpoint, access key and instance, so the file reveals no access key. The content is a
hint: if the file is missing or invalid, a load starts without it and learns the rate.
"""

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.atomic import write_whole
from loader.private_files import make_private_folder

log = logging.getLogger(__name__)

MEMORY_SECONDS = 30 * 86_400.0
"""Maximum age of a remembered rate. An older rate is no better than a cold start; the service's quotas
changed twice in 2026."""

MOST_ENTRIES = 200

LIMIT, REACHED = "limit_events_per_second", "reached_events_per_second"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The remembered rates of a service, in events per second.

    Attributes:
        limit: The limit that a load learned, or None if no load met one.
        reached: The rate that a load reached without a throttle if it met no limit, else None.
    """

    limit: float | None = None
    reached: float | None = None


class RateMemory:
    """The learned rate of one (endpoint, access key, instance).

    Args:
        identity: The strings that identify the service and caller. The file stores only their digest.
        folder: Folder of the file, or None for the user's state folder.
    """

    def __init__(self, *identity: str, folder: Path | None = None) -> None:
        text = "".join(f"{len(part)}:{part}" for part in identity)
        self._key = hashlib.sha256(text.encode()).hexdigest()[:32]
        self._path = (folder or state_folder()) / "rates.json"

    @staticmethod
    def knows_any_limit(folder: Path | None = None) -> bool:
        """Return whether the file has any limit. If it has none, the caller need not resolve credentials."""
        entries = _read((folder or state_folder()) / "rates.json").values()
        return any(isinstance(entry, Mapping) and LIMIT in entry for entry in entries)

    def recall(self, now: float) -> Remembered:
        """Return the remembered rates if they are recent, else empty ones.

        Args:
            now: Epoch seconds.
        """
        entry = _read(self._path).get(self._key)
        at = entry.get("learned_at") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(at, (int, float)):
            return Remembered()
        if abs(now - at) >= MEMORY_SECONDS:
            return Remembered()
        return Remembered(_rate(entry.get(LIMIT)), _rate(entry.get(REACHED)))

    def remember(self, what: Remembered, now: float) -> None:
        """Save the rates that were learned at ``now`` (epoch seconds), unless both are None."""
        if what == Remembered():
            return
        entries = {key: entry for key, entry in _read(self._path).items() if key != self._key}
        for key in list(entries)[: max(0, len(entries) + 1 - MOST_ENTRIES)]:
            del entries[key]
        rates = {
            name: round(rate, 3) for name, rate in ((LIMIT, what.limit), (REACHED, what.reached)) if rate
        }
        entries[self._key] = {**rates, "learned_at": round(now)}
        try:
            make_private_folder(self._path.parent)
            write_whole(self._path, orjson.dumps(entries, option=orjson.OPT_INDENT_2))
        except OSError as error:
            log.info("The learned rate cannot be saved.", extra={"path": error.filename})


def _rate(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def state_folder() -> Path:
    """Return the folder in which the loader remembers things from one command to the next."""
    if named := os.environ.get("XDG_STATE_HOME"):
        return Path(named) / "scn-loader"
    try:
        return Path.home() / ".local" / "state" / "scn-loader"
    except RuntimeError:  # no HOME, and a uid without an entry in passwd, as containers have
        return Path(os.devnull) / "scn-loader"  # nothing can be read or written below it


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return entries if isinstance(entries, dict) else {}
