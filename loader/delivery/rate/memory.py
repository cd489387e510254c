"""The memory of learned rates: it gives the next load a start rate.

The memory is a small JSON file in the user's state folder (``XDG_STATE_HOME``, else ``~/.local/state``). Its
keys are digests of endpoint, access key and instance, so the file reveals no access key. The content is a
hint: if the file is missing or invalid, a load starts without it and learns the rate.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.atomic import write_whole
from loader.model import TOKEN_LIFE_SECONDS
from loader.private_files import make_private_folder, state_folder

log = logging.getLogger(__name__)

MEMORY_SECONDS = 30 * 86_400.0
"""Maximum age of a remembered rate. An older rate is not better than a cold start, because quotas may
change."""

MOST_ENTRIES = 200
"""Maximum number of entries of the file."""

LIMIT, REACHED = "limit_events_per_second", "reached_events_per_second"
"""Keys of the learned limit, and of the rate that was reached without a limit."""

PLANNED, PLANNED_AT = "planned_events_per_second", "planned_at"
"""Keys of the rate from which the number of buckets of a load was chosen, and of the time of the choice."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The remembered rates of a service, in events per second.

    Attributes:
        limit: The limit that a load learned, or None if no load found one.
        reached: The rate that a load reached without a throttle if it found no limit, else None.
    """

    limit: float | None = None
    reached: float | None = None


class RateMemory:
    """The remembered rates of one endpoint, access key and instance.

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
        return _knows(folder, LIMIT)

    @staticmethod
    def knows_any_plan(folder: Path | None = None) -> bool:
        """Return whether `planning_rate` may know a rate. If not, the caller need not resolve credentials."""
        return _knows(folder, LIMIT) or _knows(folder, PLANNED)

    def planning_rate(self, now: float) -> float | None:
        """Return the rate from which to choose the number of buckets, or None if no rate is known.

        The number of buckets changes the tokens. While tokens are valid, the result is the rate of the last
        choice, and not a rate that was learned since. So a load that is run twice by mistake has the same
        tokens.

        Args:
            now: Epoch seconds.
        """
        entry = _read(self._path).get(self._key)
        at = entry.get(PLANNED_AT) if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(at, (int, float)) and 0 <= now - at < TOKEN_LIFE_SECONDS:
            return _rate(entry.get(PLANNED))
        return self.recall(now).limit

    def remember_planning(self, rate: float, now: float) -> None:
        """Save that a number of buckets was chosen from a rate at ``now`` (epoch seconds)."""
        self._save({PLANNED: round(rate, 3), PLANNED_AT: int(now)})

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
        rates = {
            name: round(rate, 3) if rate else None
            for name, rate in ((LIMIT, what.limit), (REACHED, what.reached))
        }
        self._save({**rates, "learned_at": int(now)})

    def _save(self, values: Mapping[str, float | None]) -> None:
        """Change values of the entry; None removes one."""
        entries = _read(self._path)
        before = entries.pop(self._key, {})
        for key in list(entries)[: max(0, len(entries) + 1 - MOST_ENTRIES)]:
            del entries[key]
        entry = {**(before if isinstance(before, Mapping) else {}), **values}
        entries[self._key] = {name: value for name, value in entry.items() if value is not None}
        try:
            make_private_folder(self._path.parent)
            write_whole(self._path, orjson.dumps(entries, option=orjson.OPT_INDENT_2))
        except OSError as error:
            log.info("The learned rate cannot be saved.", extra={"path": error.filename})


def _knows(folder: Path | None, name: str) -> bool:
    entries = _read((folder or state_folder()) / "rates.json").values()
    return any(isinstance(entry, Mapping) and name in entry for entry in entries)


def _rate(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return entries if isinstance(entries, dict) else {}
