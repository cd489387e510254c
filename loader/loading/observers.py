"""Who looks on while a load runs, and what it ends with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from loader.errors import LoaderError
from loader.model import EventResult
from loader.report import LoadSummary, Snapshot


@dataclass(frozen=True, slots=True)
class Ending:
    """How a load ended, and the error that ended it before its end, if one did."""

    summary: LoadSummary
    error: LoaderError | None


@dataclass(slots=True)
class Observers:
    """Who looks on, and may stop the load.

    Attributes:
        watch: Called a few times a second with how the load stands.
        on_result: Called with what each event came to.
        caught_up: Awaited before more events are handed over.
        opened: Called with the run directory and the load's id once the checkpoint is open.
        leaving: Called before the process ends at once, at a second signal.
    """

    watch: Callable[[Snapshot], None] | None = None
    on_result: Callable[[EventResult], None] | None = None
    caught_up: Callable[[], Awaitable[object]] | None = None
    opened: Callable[[Path, str], None] | None = None
    leaving: Callable[[], None] | None = None
    _stop: Callable[[LoaderError], None] | None = field(default=None, init=False)
    _asked: LoaderError | None = field(default=None, init=False)

    def stop(self, reason: LoaderError) -> None:
        """End the load gracefully: at once if it runs, else as soon as it begins."""
        if self._stop is not None:
            self._stop(reason)
        else:
            self._asked = self._asked or reason

    def begun(self, stop: Callable[[LoaderError], None]) -> None:
        """Note how the load is stopped, and stop it if that was asked for while it was opened."""
        self._stop = stop
        if self._asked is not None:
            stop(self._asked)
