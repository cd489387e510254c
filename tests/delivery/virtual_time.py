"""An event loop whose clock jumps: hours of waiting take no time, and a lost wake-up is an error.

When nothing is ready the clock moves to the next timer. When there is no timer either, nothing could ever
happen again: the loop raises instead of hanging.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LostWakeUp(RuntimeError):
    """Every task waits, and nothing is left that could wake one."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        ready = super().select(0)
        if not ready and timeout is None:
            raise LostWakeUp("every task waits, and no timer is set")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, which starts at 1000 seconds."""

    def __init__(self) -> None:
        self._virtual = _JumpingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    @property
    def turns(self) -> int:
        """How often the loop went round: a busy wait shows here."""
        return self._virtual.turns


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def now() -> float:
    """Return the virtual time in seconds."""
    return asyncio.get_running_loop().time()
