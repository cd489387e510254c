"""Who looks on while a load runs, and what it ends with."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from loader.errors import LoaderError
from loader.model import EventResult
from loader.report import LoadSummary, Snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a load ended.

    Attributes:
        summary: Its counts.
        error: What ended it before its end, if anything did.
        files_waiting: Files that waited for its end and are a load of their own.
    """

    summary: LoadSummary
    error: LoaderError | None
    files_waiting: int = 0


@dataclass(slots=True)
class Observers:
    """Who looks on, and may stop the load.

    Attributes:
        watch: Called a few times a second with the state of the load.
        on_result: Called with the result of each event.
        caught_up: Awaited before more events are handed over.
        opened: Called with the run directory and the load's id once the checkpoint is open.
        leaving: Called, in a thread, with the reason before the process ends at once: at a second signal, or
            if the first one did not end it in time.
        ceiling: Events per second and burst that ``--rate`` is changed to while the load runs.
    """

    watch: Callable[[Snapshot], None] | None = None
    on_result: Callable[[EventResult], None] | None = None
    caught_up: Callable[[], Awaitable[object]] | None = None
    opened: Callable[[Path, str], None] | None = None
    leaving: Callable[[LoaderError], None] | None = None
    ceiling: tuple[float, int] | None = None
    _stop: Callable[[LoaderError], None] | None = field(default=None, init=False)
    _asked: LoaderError | None = field(default=None, init=False)
    _asking: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def stop(self, reason: LoaderError) -> None:
        """End the load gracefully: at once if it runs, else as soon as it begins."""
        self._asked = self._asked or reason
        self._asking.set()
        if self._stop is not None:
            self._stop(reason)

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work of a load that has not begun; if the load is to end, cancel it.

        Raises:
            LoaderError: The load is to end, for the reason that was given.
        """
        task = asyncio.create_task(work)
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
        """Note how the load is stopped, and stop it if that was asked for while it was opened."""
        self._stop = stop
        if self._asked is not None:
            stop(self._asked)
