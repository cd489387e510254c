"""Remember the rate that a service allowed, as the start of the next load against it.

One small JSON file in the user's state folder (``XDG_STATE_HOME``, else ``~/.local/state``), keyed by a
digest of endpoint, access key and instance: no key of anybody's can be read from it. It is a hint: whatever
is wrong with it, a load starts without, and learns.
"""

import hashlib
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

log = logging.getLogger(__name__)

MEMORY_SECONDS = 30 * 86_400.0
"""Older knowledge is worth no more than a cold start; the service's quotas changed twice in 2026."""

MOST_ENTRIES = 200


class RateMemory:
    """The learned rate of one (endpoint, access key, instance).

    Args:
        identity: What the rate belongs to; only its digest is written.
        folder: Where the file is, or None for the user's state folder.
    """

    def __init__(self, *identity: str, folder: Path | None = None) -> None:
        text = "".join(f"{len(part)}:{part}" for part in identity)
        self._key = hashlib.sha256(text.encode()).hexdigest()[:32]
        self._path = (folder or _state_folder()) / "rates.json"

    @staticmethod
    def knows_any(folder: Path | None = None) -> bool:
        """Return whether any rate is remembered at all: without one, nobody need look for credentials."""
        return bool(_read((folder or _state_folder()) / "rates.json"))

    def recall(self, now: float) -> float | None:
        """Return the rate in events per second, or None if nothing recent is known.

        Args:
            now: Epoch seconds.
        """
        entry = _read(self._path).get(self._key)
        if not isinstance(entry, Mapping):
            return None
        rate, at = entry.get("events_per_second"), entry.get("learned_at")
        if not isinstance(rate, (int, float)) or not isinstance(at, (int, float)):
            return None
        return float(rate) if rate > 0 and abs(now - at) < MEMORY_SECONDS else None

    def remember(self, rate: float, now: float) -> None:
        """Write down a rate in events per second, learned at ``now`` (epoch seconds)."""
        entries = {key: entry for key, entry in _read(self._path).items() if key != self._key}
        for key in list(entries)[: max(0, len(entries) + 1 - MOST_ENTRIES)]:
            del entries[key]
        entries[self._key] = {"events_per_second": round(rate, 3), "learned_at": round(now)}
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(orjson.dumps(entries, option=orjson.OPT_INDENT_2))
            part.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            log.info("The learned rate could not be remembered.", extra={"path": error.filename})


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "scn-loader"


def _read(path: Path) -> dict[str, Any]:
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return entries if isinstance(entries, dict) else {}
