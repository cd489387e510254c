"""How many may be under way at once: a fair semaphore that costs next to nothing while there is room."""

import asyncio
from collections import deque


class Permits:
    """A number of places. Who waits for one gets it in turn: nobody who comes later is faster.

    Not `asyncio.Semaphore`, whose way in is a coroutine even if nobody has to wait.

    Args:
        free: How many there are.
    """

    __slots__ = ("_free", "_queue")

    def __init__(self, free: int) -> None:
        self._free = free
        self._queue: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free, and return whether one was."""
        if not self._free:  # nor is one while somebody waits: places are handed on
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place and take it."""
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came just now, and must not be lost
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give back a place, to the first who waits for one."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
