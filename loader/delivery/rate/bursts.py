"""Detection of bursts: attempts that reach the service at the same time after a stall.

The service may throttle a burst even though the mean rate is correct. If this event loop stalled, the
attempts start at the same time, and the token bucket must become smaller while the rate stays. If the network
or the service stalled, the answers are late, and the throttles carry no information about the limit.
"""

from collections import deque

from loader.delivery.rate.attempt_log import AttemptLog

BURST_SECONDS, BURST_FACTOR, BURST_SLACK = 0.005, 1.5, 3.0
"""Attempts are a burst if more than BURST_FACTOR * rate * BURST_SECONDS + BURST_SLACK of them start within
BURST_SECONDS."""

HELD_UP_SECONDS = 0.05
"""A throttle that is answered this much later than those of the last HELD_UP_CUTS cuts indicates a stall on
the path. Network jitter is smaller. A permanent increase of the latency counts as normal from the next cut
on."""

HELD_UP_CUTS = 4


class Bursts:
    """Decides which attempts were part of a burst.

    Args:
        log: The attempts.
    """

    __slots__ = ("_log", "_reactions", "_throttled_until")

    def __init__(self, log: AttemptLog) -> None:
        self._log = log
        self._throttled_until = 0
        self._reactions: deque[float] = deque(maxlen=HELD_UP_CUTS)

    def has(self, number: int, rate: float) -> bool:
        """Return whether attempt ``number`` was part of a burst, at ``rate`` events per second."""
        at_once = self._log.together(number, BURST_SECONDS)
        return at_once > BURST_FACTOR * BURST_SECONDS * rate + BURST_SLACK

    def is_new(self, number: int) -> bool:
        """Return whether attempt ``number`` is the first throttled attempt of its burst."""
        if number <= self._throttled_until:
            return False
        self._throttled_until = self._log.last
        return True

    def were_held_up(self, reaction_seconds: float) -> bool:
        """Return whether the network or the service delayed the attempts in flight.

        Args:
            reaction_seconds: Latency of the throttle that is about to cut the rate.
        """
        usual = self._reactions
        held_up = bool(usual) and reaction_seconds > max(usual) + HELD_UP_SECONDS
        usual.append(reaction_seconds)
        return held_up
