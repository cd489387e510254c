"""The external dependencies of a delivery: a client that makes attempts, clocks, and random numbers."""

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
        wall: Epoch seconds, corrected to the service's clock where known, for the age of tokens, which
            outlives the process. This clock advances evenly and also while the machine is suspended.
        jitter: Random numbers in [0, 1).
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
