"""The limiting factor: the cause of most of the recent time in which no attempt could start.

A stall begins when an attempt cannot start and ends when an attempt starts. The limiting factor is the cause
with the most stalled time in the last one to two times STRETCH_SECONDS.
"""

from collections import defaultdict
from enum import StrEnum

STRETCH_SECONDS = 5.0
"""Measurement interval: long enough to average over one throttle, short enough to follow a changed
extract."""

FAILING_SECONDS = 2.0
"""If no call succeeded for longer, failed calls limit the load, whatever delays the next one."""


class LimitingFactor(StrEnum):
    """Causes that prevent the start of an attempt. ``loader.report`` has the texts for users."""

    LEARNING = "learning"
    RATE = "rate"
    CEILING = "ceiling"
    LANES = "lanes"
    IN_FLIGHT = "in-flight"
    READER = "reader"
    MEMORY = "memory"
    BACKOFF = "backoff"
    QUOTA = "quota"
    PATH = "way"


_PAUSES = frozenset({LimitingFactor.QUOTA, LimitingFactor.PATH})
"""Limiting factors that say more about failed calls."""


def limiting_name(factor: LimitingFactor | None, in_flight: int, failing_seconds: float) -> str:
    """Return what limits a load, as a key of the summary.

    Without a factor, it waits for the attempts in flight, or has nothing to send yet. ``failing_seconds`` are
    those without a successful call since the first failed one.
    """
    if failing_seconds >= FAILING_SECONDS and factor not in _PAUSES:
        return LimitingFactor.BACKOFF.value
    return factor.value if factor is not None else "answers" if in_flight else "reader"


class Stalls:
    """Stalled seconds by cause, for the current interval and the previous one."""

    def __init__(self) -> None:
        self._cause: LimitingFactor | None = None
        self._since = 0.0
        self._turned_at = 0.0
        self._running: dict[LimitingFactor, float] = defaultdict(float)
        self._before: dict[LimitingFactor, float] = {}

    def stalled(self, cause: LimitingFactor, now: float) -> None:
        """Record that no attempt can start at ``now`` (monotonic seconds) because of ``cause``."""
        if cause is not self._cause:
            self._close(now)
            self._cause = cause

    def moving(self, now: float) -> None:
        """Record that an attempt starts at ``now`` (monotonic seconds)."""
        if self._cause is not None:
            self._close(now)
            self._cause = None

    def limiting_factor(self, now: float) -> LimitingFactor | None:
        """Return the cause of most of the stalled time; None if there was no recent stall."""
        self._close(now)
        total = {
            cause: self._running.get(cause, 0.0) + self._before.get(cause, 0.0) for cause in LimitingFactor
        }
        longest = max(total, key=total.__getitem__)
        return longest if total[longest] > 0 else self._cause

    def _close(self, now: float) -> None:
        # The clip prevents a stall of minutes from outweighing later stalls.
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
