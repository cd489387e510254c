"""A FIFO semaphore that is cheap while permits are free."""

import asyncio
from collections import deque


class Permits:
    """A fixed number of permits, granted first in, first out.

    `asyncio.Semaphore` does not fit: its ``acquire`` is a coroutine even if a permit is free.

    Args:
        free: Number of permits.
    """

    __slots__ = ("_free", "_queue")

    def __init__(self, free: int) -> None:
        self._free = free
        self._queue: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a permit if one is free, and return whether one was."""
        if not self._free:  # none is free while others wait: a permit passes directly to the next in line
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a permit and take it."""
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the permit was granted at the same time and must not be lost
                self.give_back()
            raise

    def give_back(self) -> None:
        """Return a permit; it passes to the first in line."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
