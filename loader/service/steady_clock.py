"""Epoch seconds that pass evenly: for durations that a changed clock must not stretch, such as a token's age.

The clock of the machine is read once. From then on time passes as the system counts it, also while it is
suspended, because tokens age meanwhile: CLOCK_BOOTTIME on Linux. On macOS CLOCK_MONOTONIC does so, on Windows
Python's monotonic clock.
"""

import time
from collections.abc import Callable


def elapsed_seconds() -> float:
    """Return seconds since some moment in the past, those of suspension included."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class SteadyClock:
    """A clock that is set once.

    Args:
        wall: Returns epoch seconds; asked once.
        elapsed: Returns seconds that never jump.
    """

    def __init__(
        self, wall: Callable[[], float] | None = None, elapsed: Callable[[], float] = elapsed_seconds
    ) -> None:
        self._elapsed = elapsed
        self._began = (wall or time.time)() - elapsed()

    def __call__(self) -> float:
        """Return epoch seconds, as right or wrong as the machine's clock was when this one was made."""
        return self._began + self._elapsed()
