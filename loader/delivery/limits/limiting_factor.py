"""What holds the load back: the time in which no attempt could start, by cause, over a recent stretch.

A stall begins when an attempt cannot start and ends when one does. The cause with the most stalled time in
the last STRETCH_SECONDS to twice that is the limiting factor.
"""

from collections import defaultdict
from enum import StrEnum

STRETCH_SECONDS = 5.0
"""Long enough to outlast one throttle, short enough to follow a changed extract."""


class LimitingFactor(StrEnum):
    """What can keep an attempt from starting; ``loader.report`` has the words for each."""

    LEARNING = "learning"
    RATE = "rate"
    CEILING = "ceiling"
    LANES = "lanes"
    IN_FLIGHT = "in-flight"
    READER = "reader"
    MEMORY = "memory"
    BACKOFF = "backoff"
    QUOTA = "quota"
    WAY = "way"


class Stalls:
    """Stalled seconds by cause, in two buckets: the running stretch and the one before it."""

    def __init__(self) -> None:
        self._cause: LimitingFactor | None = None
        self._since = 0.0
        self._turned_at = 0.0
        self._running: dict[LimitingFactor, float] = defaultdict(float)
        self._before: dict[LimitingFactor, float] = {}

    def stalled(self, cause: LimitingFactor, now: float) -> None:
        """Note that no attempt can start at ``now`` because of ``cause``."""
        if cause is not self._cause:
            self._close(now)
            self._cause = cause

    def moving(self, now: float) -> None:
        """Note that an attempt starts at ``now``."""
        if self._cause is not None:
            self._close(now)
            self._cause = None

    def limiting_factor(self, now: float) -> LimitingFactor | None:
        """Return the cause of most of the stalled time; None if nothing was held back lately."""
        self._close(now)
        total = {
            cause: self._running.get(cause, 0.0) + self._before.get(cause, 0.0) for cause in LimitingFactor
        }
        longest = max(total, key=total.__getitem__)
        return longest if total[longest] > 0 else self._cause

    def _close(self, now: float) -> None:
        # Clipped: a stall of minutes must not outweigh what comes after it.
        stalled_seconds = min(now - self._since, STRETCH_SECONDS)
        self._since = now
        if self._cause is not None:
            self._running[self._cause] += stalled_seconds
        elapsed = now - self._turned_at
        if elapsed >= STRETCH_SECONDS:
            is_recent = elapsed < 2 * STRETCH_SECONDS
            self._before = self._running if is_recent else {}
            if self._cause is not None and not is_recent:
                self._before = {self._cause: stalled_seconds}
            self._running = defaultdict(float)
            self._turned_at = now
