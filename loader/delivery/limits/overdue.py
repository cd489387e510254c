"""The number of overdue attempts: those in flight for much longer than answers usually take.

A connection that is lost without a reset, or a server that hangs, leaves an attempt without an answer until
it times out after a minute. Such attempts do not load the service, but they count as in flight. If a fast
service leaves one attempt in a hundred without an answer, the overdue attempts soon fill a cap that follows
from the usual latency, and the load stops making progress. So the cap does not count them.

The attempts are counted in three generations by their number, so that a start and an end cost one comparison
or two. An attempt becomes overdue after one to two times the generation time.
"""

import math

GENERATION_SECONDS, GENERATION_LATENCIES = 0.25, 4.0
"""Minimum time of a generation in seconds, and as a factor of the usual latency. Attempts that will be
overdue occupy the cap for up to two generations: with 5 % timeouts, these are 12 attempts at 500/s."""


class OverdueAttempts:
    """Counts the overdue attempts of a load. The attempts are numbered from 1 in start order.

    Attributes:
        count: Number of attempts that are overdue. Read-only for other modules.
    """

    __slots__ = (
        "_current_ended",
        "_last",
        "_next_turn",
        "_overdue_until",
        "_previous",
        "_previous_until",
        "count",
    )

    def __init__(self) -> None:
        self.count = 0
        self._previous = self._current_ended = 0
        self._overdue_until = self._previous_until = self._last = 0
        self._next_turn = -math.inf

    def started(self, number: int) -> None:
        """Record that the attempt with this number starts."""
        self._last = number

    def ended(self, number: int) -> None:
        """Record that the attempt with this number ended, with any outcome."""
        if number > self._previous_until:
            self._current_ended += 1
        elif number > self._overdue_until:
            self._previous -= 1
        else:
            self.count -= 1

    def look(self, now: float, latency_seconds: float) -> None:
        """Begin a new generation if the current one is over.

        Args:
            now: Monotonic seconds.
            latency_seconds: Time that answers usually take.
        """
        if now < self._next_turn:
            return
        self._next_turn = now + max(GENERATION_SECONDS, GENERATION_LATENCIES * latency_seconds)
        self.count += self._previous
        self._previous = self._last - self._previous_until - self._current_ended
        self._current_ended = 0
        self._overdue_until, self._previous_until = self._previous_until, self._last
