"""The log of attempt starts and throttles, the main evidence of the governor.

Attempts are numbered from 1 in start order. The log uses the time at which an attempt *started*, not the time
of its answer, because a throttle may be answered in a millisecond and an acceptance in a second.

Rules kept here:

1. An attempt without an answer counts as admitted, because a limiter answers throttles immediately.
2. Memory is bounded: the log keeps the times of the last KEPT_SLOTS slots and the numbers of the last
   KEPT_THROTTLES throttles.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

SLOT_SECONDS = 0.001
"""Resolution of start times. It is finer than the timers of an event loop."""

KEPT_SLOTS = 16_384
"""At least 15 s of full slots, which is longer than any interval that an estimate uses."""

KEPT_THROTTLES = 32_768
"""More than the maximum number of attempts in flight (``max_in_flight`` is at most 4,096)."""


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """Counts of the attempts in an interval.

    Attributes:
        tried: Attempts that started.
        admitted: Attempts that were not throttled.
        seconds: Time between the first and the last start, at least SLOT_SECONDS.
    """

    tried: int
    admitted: int
    seconds: float

    @property
    def throttled_share(self) -> float:
        """Fraction of the attempts that were throttled, 0..1."""
        return 1.0 - self.admitted / self.tried if self.tried else 0.0

    @property
    def admitted_rate(self) -> float:
        """Admitted attempts per second. The term 0.5 corrects for the open ends of the interval."""
        return (self.admitted + 0.5) / self.seconds


class AttemptLog:
    """The starts and throttles of one load.

    Attributes:
        last: Number of the last attempt started.
        ended: Number of attempts that have ended, with any outcome. The governor counts it.
    """

    __slots__ = ("_first_numbers", "_next_slot", "_throttled", "_times", "ended", "last")

    def __init__(self, *, now: float) -> None:
        self.last = self.ended = 0
        self._times = [now]
        self._first_numbers = [1]
        self._next_slot = now
        self._throttled: list[int] = []

    def start(self, now: float) -> int:
        """Record a start and return the attempt's number."""
        self.last = number = self.last + 1
        if now >= self._next_slot:
            self._open_slot(now, number)
        return number

    def throttle(self, number: int) -> None:
        """Record that an attempt was throttled."""
        insort(self._throttled, number)
        if len(self._throttled) > 2 * KEPT_THROTTLES:
            del self._throttled[:KEPT_THROTTLES]

    def started_at(self, number: int) -> float:
        """Return the start time of an attempt (monotonic seconds, rounded to a slot)."""
        return self._times[max(bisect_right(self._first_numbers, number) - 1, 0)]

    def last_before(self, time: float) -> int:
        """Return the number of the last attempt that started before the slot of ``time``."""
        slot = bisect_right(self._times, time) - 1
        return self._first_numbers[slot] - 1 if slot >= 0 else self._first_numbers[0] - 1

    def throttles(self, after: int, until: int) -> int:
        """Return how many attempts numbered ``after`` (excluded) to ``until`` were throttled."""
        return bisect_right(self._throttled, until) - bisect_right(self._throttled, after)

    def together(self, number: int, seconds: float) -> int:
        """Return how many attempts started in the ``seconds`` up to and including attempt ``number``."""
        return number - self.last_before(self.started_at(number) - seconds)

    def tally(self, after: int, until: int) -> AttemptCounts:
        """Return the counts of the attempts from ``after`` (excluded) to ``until`` that the log still has."""
        after = max(after, self._first_numbers[0] - 1)
        tried = until - after
        seconds = self.started_at(until) - self.started_at(after)
        return AttemptCounts(tried, tried - self.throttles(after, until), max(seconds, SLOT_SECONDS))

    def recent(self, number: int, seconds: float) -> AttemptCounts:
        """Return the counts of the attempts in the ``seconds`` before attempt ``number``, excluding it."""
        at = self.started_at(number)
        after, until = self.last_before(at - seconds), self.last_before(at)
        tried = max(until - after, 0)
        began = max(at - seconds, self._times[0])
        return AttemptCounts(tried, tried - self.throttles(after, until), max(at - began, 0.1))

    def _open_slot(self, now: float, number: int) -> None:
        self._next_slot = now + SLOT_SECONDS
        if number == 1:
            self._times[0] = now
            return
        self._times.append(now)
        self._first_numbers.append(number)
        if len(self._times) > 2 * KEPT_SLOTS:
            del self._times[:KEPT_SLOTS], self._first_numbers[:KEPT_SLOTS]
            del self._throttled[: bisect_left(self._throttled, self._first_numbers[0])]
