"""Attempts that went out at once because the event loop had stalled.

A service may throttle them although the rate is right: then fewer tokens should be saved, not less sent.
"""

from loader.delivery.attempt_log import AttemptLog

BURST_SECONDS, BURST_FACTOR, BURST_SLACK = 0.005, 1.5, 3.0
"""A burst is more than so many times the rate within so short a time, and a few."""


class Bursts:
    """Tells which attempts were part of a burst.

    Args:
        log: The attempts.
    """

    __slots__ = ("_log", "_throttled_until")

    def __init__(self, log: AttemptLog) -> None:
        self._log = log
        self._throttled_until = 0

    def has(self, number: int, rate: float) -> bool:
        """Return whether attempt ``number`` was part of one, at ``rate`` events per second."""
        at_once = self._log.together(number, BURST_SECONDS)
        return at_once > BURST_FACTOR * BURST_SECONDS * rate + BURST_SLACK

    def is_new(self, number: int) -> bool:
        """Return whether attempt ``number``, part of a burst, is the first of it to be throttled."""
        if number <= self._throttled_until:
            return False
        self._throttled_until = self._log.last
        return True
