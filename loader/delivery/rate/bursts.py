"""Attempts that reach the service at once because something on the way stood still.

If it was this event loop, they went out at once: then fewer tokens should be saved, not less sent. If it was
the network or the service, they were answered late: then there is nothing to learn from them. Either way the
service may throttle them although the rate is right.
"""

from collections import deque

from loader.delivery.rate.attempt_log import AttemptLog

BURST_SECONDS, BURST_FACTOR, BURST_SLACK = 0.005, 1.5, 3.0
"""A burst is more than so many times the rate within so short a time, and a few."""

HELD_UP_SECONDS = 0.05
"""A throttle answered so much later than those of the last HELD_UP_CUTS cuts is one of a crowd: networks
scatter less, and who is late for good counts from the next cut on."""

HELD_UP_CUTS = 4


class Bursts:
    """Tells which attempts were part of a burst.

    Args:
        log: The attempts.
    """

    __slots__ = ("_log", "_reactions", "_throttled_until")

    def __init__(self, log: AttemptLog) -> None:
        self._log = log
        self._throttled_until = 0
        self._reactions: deque[float] = deque(maxlen=HELD_UP_CUTS)

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

    def were_held_up(self, reaction_seconds: float) -> bool:
        """Return whether what was under way was held up, and not by this process.

        Args:
            reaction_seconds: How long the throttle took to be answered that the rate is to be cut for.
        """
        usual = self._reactions
        held_up = bool(usual) and reaction_seconds > max(usual) + HELD_UP_SECONDS
        usual.append(reaction_seconds)
        return held_up
