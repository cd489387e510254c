"""Record why events are not accepted, in the log, and in a file of the run directory for ``status``."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loader.report import Snapshot
from loader.report.trouble import Trouble, remove_trouble, write_trouble

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 3.0
"""Minimum duration of a trouble that is logged. A lost connection, for example, is restored sooner."""

REPEAT_SECONDS = 60.0
"""Time after which the same trouble is logged again."""

_WRITE_SECONDS = 5.0
"""Interval at which a trouble is written for ``status``."""


class TroubleWatch:
    """Examines each snapshot of a load.

    Args:
        run_dir: Folder in which the last trouble is written for ``status``.
        last_trouble: Returns the last cause of failed attempts, whether or not it is over.
    """

    def __init__(self, run_dir: Path, last_trouble: Callable[[], Trouble | None]) -> None:
        self._run_dir = run_dir
        self._last_trouble = last_trouble
        self._began: float | None = None
        self._logged: tuple[str, float] | None = None
        self._written_at = -_WRITE_SECONDS
        with suppress(OSError):
            remove_trouble(run_dir)

    def look(self, snapshot: Snapshot) -> None:
        """Log a lasting trouble and its end, and write it at intervals."""
        trouble, now = snapshot.trouble, snapshot.seconds
        if trouble is None:
            if self._logged is not None:
                log.warning("Events are accepted again.", extra={"code": self._logged[0]})
                self.write()
            self._began = self._logged = None
            return
        self._began = now if self._began is None else self._began
        if now - self._written_at >= _WRITE_SECONDS:
            self._written_at = now
            self.write()
        if now - self._began < _PATIENCE_SECONDS:
            return
        if self._logged is None or self._logged[0] != trouble.code or now - self._logged[1] >= REPEAT_SECONDS:
            self._logged = (trouble.code, now)
            log.warning(
                "No event is accepted: %s.",
                trouble.means or trouble.code,
                extra={
                    "code": trouble.code,
                    "attempts": trouble.count,
                    "seconds": round(now - self._began, 1),
                },
            )

    def write(self) -> None:
        """Write the last trouble for ``status``. A failed write does not stop the load."""
        trouble = self._last_trouble()
        if trouble is not None:
            with suppress(OSError):
                write_trouble(self._run_dir, trouble)
