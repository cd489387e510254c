"""The estimate of the service's limit, computed from throttled and admitted attempts.

The service's token bucket is empty at each throttle. Between two throttles it therefore admits its rate times
the elapsed time, for any burst size, unless the bucket was full in between. This gives two bounds:

    low  = admitted attempts per second since an earlier throttle    at most the limit
    high = admitted attempts per second just before this throttle    at least the limit, plus saved tokens

The limit lies between them: at ``low`` for a service with a burst allowance, near ``high`` for one without.

Rules kept here:

1. Only admitted attempts are evidence. The rate that the governor *set* is not.
2. One estimate reduces the limit to no less than a fifth. It reduces the limit to less than a half only if
   ENOUGH attempts were admitted, because the last tenth of a per-second quota looks like an outage.
"""

from collections import deque
from dataclasses import dataclass

from loader.delivery.rate.attempt_log import AttemptCounts, AttemptLog
from loader.delivery.rate.slow_start import PROMPT_SECONDS

SATURATED_SHARE = 0.1
"""If at least this fraction of attempts is throttled, the load is clearly above the limit, and the admitted
rate is a direct measurement of the limit."""

SATURATED_TRIES = 10

ENOUGH = 8
"""Number of admitted attempts that makes a saturated measurement accurate to an eighth."""

NO_BURST_SHARES = 0.4, 0.6
"""Range of the throttled fraction that is ambiguous. A service without a burst allowance throttles every
second attempt when the rate is slightly too high; a service with one does so at twice its limit. The estimate
then takes the small step."""

SMALL_STEP, LARGE_STEP, LARGEST_STEP = 0.8, 0.5, 0.2
"""Lower bounds of one saturated measurement, as fractions of the rate, by increasing confidence."""

LEAST_STEP = 0.97
"""Upper bound of a saturated measurement, as a fraction of the rate: the rate was certainly too high."""

UNSATURATED_STEP, UNKNOWN_STEP = 0.7, 0.9
"""Lower bounds, as fractions of the rate, of an estimate between ``low`` and ``high`` and of an estimate
without ``low``. ``high`` alone is below the limit if the load stalled just before."""

HIGH_SECONDS, HIGH_TRIES = 0.3, 8.0
"""Interval of ``high``: as short as possible, but long enough for a few attempts."""

LOW_TRIES = 20
"""``low`` starts at the latest cut that at least this many attempts followed."""

LOW_MIN_TRIES, LOW_MIN_SECONDS = 10, 0.25
"""``low`` is unknown with fewer admitted attempts or less time than this since the earliest cut."""

RUN_SECONDS, RUN_TRIES = 1.5, 5.0
"""Cuts that are closer together than this belong to one congestion period."""

RUN_LOOK_BACK_SECONDS, RUN_LOOK_BACK_TRIES = 0.5, 20.0
"""Longest interval of a congestion period that an estimate uses, because the limit may be falling."""

DUE_MARGIN, UNEXPECTED_MARGIN = 1.007, 1.03
"""Upper bounds of the limit as factors of ``low``: for a throttle that was due at the end of a cruise cycle,
and for other throttles. Overestimates cost a few throttles; underestimates cost throughput."""

AGREEMENT, AGREEMENT_PER_SECOND, MAX_AGREEMENT = 0.02, 0.1, 0.05
"""Tolerance within which two estimates agree: 2 %, plus 10 % per second of late answers, at most 5 %. The
rate continues to change until late answers arrive."""

COUNTING_ERROR = 1.5
"""Counting error of an estimate in attempts, caused by the ends of its interval."""

BRIEF_SECONDS = 0.03
"""Attempts arrive unevenly within less time than this, because event loops stall for milliseconds."""

IDLE_SHARE, IDLE_TOKENS = 0.02, 2.0
"""``low`` is unknown if more tokens than this were unused, because the service's bucket may have been
full."""


@dataclass(frozen=True, slots=True)
class RateCut:
    """A throttle that caused a rate cut.

    Attributes:
        number: Number of the throttled attempt.
        at: Start time of the attempt in monotonic seconds.
    """

    number: int
    at: float


class LimitEstimate:
    """The current estimate of the limit.

    Args:
        log: The attempts.
        limit: Initial estimate in events per second.
        now: Monotonic seconds.

    Attributes:
        limit: Current estimate in events per second.
        agreed: Consecutive estimates that agreed with the previous one.
        limit_before_trouble: The limit at the start of the current or latest congestion period.
    """

    def __init__(self, log: AttemptLog, limit: float, *, now: float) -> None:
        self.limit = self.limit_before_trouble = limit
        self.agreed = 0
        self._log = log
        self._reference = limit
        self._cuts: deque[RateCut] = deque([RateCut(0, now)], maxlen=8)
        self._trouble_began = self._evidence_from = 0

    def note_trouble(self, number: int, first_throttled: int, rate: float) -> None:
        """Record the start of a congestion period, unless the one of the last cut still continues."""
        at = self._log.started_at(number)
        in_trouble = self._cuts[-1].number > 0 and at - self._cuts[-1].at < max(RUN_SECONDS, RUN_TRIES / rate)
        if not in_trouble:
            self._trouble_began = first_throttled
            self.limit_before_trouble = self.limit

    def saturated(self, number: int, rate: float, overflow: float) -> float | None:
        """Return the admitted rate since the congestion began, or None if few attempts were throttled.

        A fast load is saturated within milliseconds. The rate over a longer time (``low``) is then more
        reliable: it may be too low but not too high. The result is the mean of both if the brief
        measurement is higher.
        """
        look_back = max(RUN_LOOK_BACK_SECONDS, RUN_LOOK_BACK_TRIES / rate)
        began = self._log.last_before(self._log.started_at(number) - look_back)
        tally = self._log.tally(max(self._trouble_began, began), number)
        if tally.tried < SATURATED_TRIES or tally.throttled_share < SATURATED_SHARE:
            return None
        limit = saturated_limit(tally, rate)
        if tally.seconds > BRIEF_SECONDS:
            return limit
        low = self._low(number, overflow)
        return max(limit, SMALL_STEP * rate) if low is None else max(low, (low + limit) / 2.0)

    def high(self, number: int, rate: float) -> float:
        """Return the rate admitted just before attempt ``number``, at most ``rate``."""
        known_seconds = self._log.started_at(number) - self._log.started_at(self._evidence_from)
        seconds = min(max(HIGH_SECONDS, HIGH_TRIES / rate), known_seconds)
        return min(rate, self._log.recent(number, seconds).admitted_rate)

    def between(self, number: int, rate: float, overflow: float, *, is_due: bool) -> float:
        """Return the limit that a single throttle, or a few throttles, indicate.

        Args:
            number: Number of the throttled attempt.
            rate: Current rate in events per second.
            overflow: Unused tokens since the last cut.
            is_due: Whether the throttle was expected, at the end of a cruise cycle.
        """
        low, high = self._low(number, overflow), self.high(number, rate)
        if low is None:
            return max(high, UNKNOWN_STEP * rate)
        margin = DUE_MARGIN if is_due else UNEXPECTED_MARGIN
        return max(min((low + high) / 2.0, margin * low, rate), UNSATURATED_STEP * rate)

    def beyond(self, number: int, rate: float, overflow: float) -> float:
        """Return the limit that a throttle indicates after the rate exceeded the previous limit unthrottled.

        ``low`` includes time at which the rate was too low, so it has a weight of one half.
        """
        low, high = self._low(number, overflow), self.high(number, rate)
        return high if low is None else (low + high) / 2.0

    def guess(self, limit: float) -> None:
        """Set a limit that is not compared with earlier estimates."""
        self.limit = self.limit_before_trouble = limit

    def settle(self, limit: float, number: int, reaction_seconds: float) -> bool:
        """Set an estimate as the limit.

        Args:
            limit: Events per second.
            number: Number of the attempt whose throttle caused the estimate.
            reaction_seconds: Mean latency of throttles.

        Returns:
            Whether the estimate agrees with the previous one.
        """
        reference, self._reference, self.limit = self._reference, limit, limit
        if self._log.last - self._cuts[-1].number < SATURATED_TRIES:
            return False  # the estimate is too close to the previous one to be independent
        seen = number - self._baseline(number)
        late = max(reaction_seconds - PROMPT_SECONDS, 0.0)
        tolerance = min(AGREEMENT + AGREEMENT_PER_SECOND * late, MAX_AGREEMENT)
        agrees = seen >= SATURATED_TRIES and abs(limit / reference - 1.0) < tolerance + COUNTING_ERROR / seen
        self.agreed = self.agreed + 1 if agrees else 0
        return agrees

    def close(self, number: int, *, forget: bool = False) -> None:
        """Record that attempt ``number`` caused a cut; ``forget`` drops the earlier cuts."""
        if forget:
            self._cuts.clear()
        self._cuts.append(RateCut(number, self._log.started_at(number)))

    def discard_before(self, number: int, now: float) -> None:
        """Drop all evidence from before attempt ``number``, which is the next one to start."""
        self._cuts.clear()
        self._cuts.append(RateCut(number, now))
        self._trouble_began = self._evidence_from = number

    def _low(self, number: int, overflow: float) -> float | None:
        """Return the rate admitted since an earlier cut, or None if the evidence is insufficient."""
        tally = self._log.tally(self._baseline(number), number)
        too_short = tally.admitted < LOW_MIN_TRIES or tally.seconds < LOW_MIN_SECONDS
        is_idle = overflow > IDLE_SHARE * tally.admitted + IDLE_TOKENS
        return None if too_short or is_idle else tally.admitted_rate

    def _baseline(self, number: int) -> int:
        for cut in reversed(self._cuts):
            if number - cut.number >= LOW_TRIES:
                return cut.number
        return self._cuts[0].number


def saturated_limit(tally: AttemptCounts, rate: float) -> float:
    """Return the limit that an interval with many throttles indicates; the evidence bounds the step."""
    doubtful_from, doubtful_to = NO_BURST_SHARES
    if doubtful_from <= tally.throttled_share <= doubtful_to:
        lowest = SMALL_STEP
    else:
        lowest = LARGEST_STEP if tally.admitted >= ENOUGH else LARGE_STEP
    return max(min(tally.admitted_rate, LEAST_STEP * rate), lowest * rate)
