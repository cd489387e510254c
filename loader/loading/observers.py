"""The observers of a running load, and its end."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from loader.errors import LoaderError, contained
from loader.loading.error_limits import ErrorCounts
from loader.model import EventResult
from loader.report import LoadSummary, Snapshot

T = TypeVar("T")


async def until_ended(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Wait until tasks have ended. A cancellation of this wait is raised after their end.

    Otherwise a cancelled task would go on after its owner had closed what it uses.

    Raises:
        CancelledError: The wait was cancelled.
    """
    cancelled: asyncio.CancelledError | None = None
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a load.

    Attributes:
        summary: Its counts.
        error: The error that stopped it early, or None.
        files_waiting: Number of files that waited for its end and are loaded next.
    """

    summary: LoadSummary
    error: LoaderError | None
    files_waiting: int = 0


@dataclass(slots=True)
class Observers:
    """Callbacks of a load, and the means to stop it.

    Attributes:
        watch: Called several times per second with the state of the load.
        errors: Called at the same times with the counts for the limits of errors, and with a function that
            returns the counts of each file that has errors, by path.
        on_result: Called with the result of each event.
        caught_up: Awaited before more events are handed over.
        opened: Called with the run directory and the load's id when the checkpoint is open.
        leaving: Called in a thread, with the reason, before the process ends immediately: at a second signal,
            or if the load did not end in time after the first one.
        ceiling: New values of the rate (events per second) and the burst of the user's ceiling, or None. They
            may be set while the load runs.
    """

    watch: Callable[[Snapshot], None] | None = None
    errors: Callable[[ErrorCounts, Callable[[], Mapping[str, ErrorCounts]]], None] | None = None
    on_result: Callable[[EventResult], None] | None = None
    caught_up: Callable[[], Awaitable[object]] | None = None
    opened: Callable[[Path, str], None] | None = None
    leaving: Callable[[LoaderError], None] | None = None
    ceiling: tuple[float, int] | None = None
    _stop: Callable[[LoaderError], None] | None = field(default=None, init=False)
    _asked: LoaderError | None = field(default=None, init=False)
    _asking: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def stop(self, reason: LoaderError) -> None:
        """Stop the load gracefully: now if it runs, otherwise when it begins."""
        self._asked = self._asked or reason
        self._asking.set()
        if self._stop is not None:
            self._stop(reason)

    @property
    def is_stopping(self) -> bool:
        """Whether a stop of the load was requested."""
        return self._asked is not None

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work before the load begins, and cancel the work if the load is stopped.

        Raises:
            LoaderError: The load was stopped for this reason.
            UnhandledCase: The work raised a BaseException that is not an Exception. A SystemExit in a task
                would end the event loop and the process with the exit code of a completed load.
        """

        async def contained_work() -> T:
            with contained():
                return await work

        task = asyncio.create_task(contained_work())
        asking = asyncio.create_task(self._asking.wait())
        try:
            await asyncio.wait({task, asking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            task.cancel()
        if self._asked is not None and not task.done():
            raise self._asked
        return await task

    def begun(self, stop: Callable[[LoaderError], None]) -> None:
        """Set the function that stops the load, and call it if a stop was requested during the opening."""
        self._stop = stop
        if self._asked is not None:
            stop(self._asked)
