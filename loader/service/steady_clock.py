"""Epoch seconds without jumps, for durations that clock changes must not affect, such as a token's age.

The machine's clock is read once. After that a monotonic clock counts, which includes the time in which the
machine is suspended, because tokens age in it: CLOCK_BOOTTIME on Linux, CLOCK_MONOTONIC on macOS, Python's
monotonic clock on Windows.
"""

import time
from collections.abc import Callable


def elapsed_seconds() -> float:
    """Return seconds since an arbitrary moment in the past, including the time of suspension."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class SteadyClock:
    """A clock that is set once.

    Args:
        wall: Returns epoch seconds; called once.
        elapsed: Returns seconds without jumps.
    """

    def __init__(
        self, wall: Callable[[], float] | None = None, elapsed: Callable[[], float] = elapsed_seconds
    ) -> None:
        self._elapsed = elapsed
        self._began = (wall or time.time)() - elapsed()

    def __call__(self) -> float:
        """Return epoch seconds, with the error that the machine's clock had when this clock was created."""
        return self._began + self._elapsed()
