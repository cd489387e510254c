"""The external dependencies of a delivery: the client, the durable records, clocks, and random numbers."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from loader.errors import contained
from loader.model import Event, EventResult, Outcome, PartResult


class AttemptClient(Protocol):
    """A client that makes attempts. A LoaderError from it stops the load; any other exception is a bug."""

    async def attempt(self, event: Event) -> Outcome:
        """Sign and send one request now and return its outcome.

        Raises:
            LoaderError: The request cannot be made, and nothing was sent.
        """

    async def refresh_credentials(self) -> None:
        """Get new credentials for all later attempts.

        Raises:
            LoaderError: No credentials are available.
        """

    def adjust_clock(self, server_time: float) -> None:
        """Sign all later attempts with the service's clock; ``server_time`` is its current epoch seconds."""


class WriteAhead(Protocol):
    """Durable storage of the write-ahead marks."""

    async def mark_sendable(self, places: Sequence[tuple[int, int]]) -> None:
        """Write marks for events, each given as (window, index). The marks are durable on return.

        Raises:
            LoaderError: The write failed. The events must not be sent.
        """


class PartLog(Protocol):
    """Durable log of the results of parts."""

    def settled(self, event: Event, result: PartResult) -> None:
        """Record that a part of an event was accepted or has failed.

        Raises:
            LoaderError: The load must stop.
        """

    async def divided(self, event: Event, result: PartResult) -> None:
        """Record that a part of an event is divided. The record is durable on return.

        Raises:
            LoaderError: The write failed. The caller must not divide the part.
        """


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """The receivers of the marks and results of a delivery, and the holds that earlier runs recorded.

    Attributes:
        on_result: Called on the loop's thread, exactly once for each settled event. A LoaderError from it
            stops the load.
        write_ahead: Stores the marks that must be durable before an event is sent, or None for no marks.
        part_log: Stores the results of the parts of divided events. Without it no event is divided.
        held_groups: Groups that an earlier run of this load put on hold (``on_failure`` hold).
    """

    on_result: Callable[[EventResult], None]
    write_ahead: WriteAhead | None = None
    part_log: PartLog | None = None
    held_groups: Iterable[str] = ()


@contextmanager
def contained_work() -> Iterator[None]:
    """Convert every unexpected end of a task into an exception that its owner receives.

    A task group treats a cancelled task as a task that it cancelled itself. A task that its client cancelled
    would disappear with its event, and the load would wait for the event forever.

    Raises:
        UnhandledCase: The work raised a BaseException that is not an Exception.
        RuntimeError: The work cancelled itself.
    """
    try:
        with contained():
            yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            raise RuntimeError("the client cancelled its own attempt") from None
        raise


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The clocks and the random numbers of a delivery.

    Attributes:
        monotonic: Monotonic seconds of the event loop's clock, for rates and waits.
        wall: Epoch seconds, corrected to the service's clock if it is known. The age of tokens is computed
            with them. This clock advances evenly, also while the machine is suspended.
        jitter: Random numbers in [0, 1).
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
