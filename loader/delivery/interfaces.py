"""What a delivery needs from outside: someone who makes attempts, clocks, and chance."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from loader.errors import contained
from loader.model import Event, Outcome


class AttemptClient(Protocol):
    """Whoever makes attempts. An exception from it is a bug, a LoaderError stops the load."""

    async def attempt(self, event: Event) -> Outcome:
        """Sign and send one request now and say what it came to.

        Raises:
            LoaderError: The request cannot be made at all, and nothing was sent.
        """

    async def refresh_credentials(self) -> None:
        """Get new credentials for all later attempts.

        Raises:
            LoaderError: There are none.
        """

    def adjust_clock(self, server_time: float) -> None:
        """Sign all later attempts by the service's clock, which read ``server_time`` just now."""


@contextmanager
def contained_work() -> Iterator[None]:
    """Surround the work of a task, so that whoever owns the task hears of whatever ends it.

    A task group takes a cancelled task for one that was asked to leave: a task that a client cancelled would
    vanish with its event, and the load would wait for it forever.

    Raises:
        UnhandledCase: Something was raised that is not an Exception.
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
    """The clocks and the chance a delivery runs by.

    Attributes:
        monotonic: Seconds that never jump, of the event loop's clock: for rates and waiting.
        wall: Epoch seconds, the service's as far as they are known: for the age of tokens, which outlives the
            process. They pass evenly, also while the machine is suspended.
        jitter: Random numbers in [0, 1).
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
