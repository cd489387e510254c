"""What the service allows, judged from what it throttled. No quota is known: this is how one is measured.

Between two throttles a token bucket was empty at both ends. So what it admitted in between is its rate times
the time, whatever the size of its burst, unless it was full for a while in between. That makes

    low  = admitted attempts per second since an earlier throttle    never more than the limit
    high = admitted attempts per second just before this throttle    never less: saved tokens come on top

and the limit lies between them: at ``low`` for a service with a burst, near ``high`` for one without.

Rules kept here:

1. The rate that was *set* is evidence of nothing; only what was admitted is.
2. One estimate never moves the limit down to less than a fifth, and to less than a half only on the evidence
   of ENOUGH admitted attempts: the last tenth of a per-second quota looks like an outage.
"""

from collections import deque
from dataclasses import dataclass

from loader.delivery.rate.attempt_log import AttemptCounts, AttemptLog
from loader.delivery.rate.slow_start import PROMPT_SECONDS

SATURATED_SHARE = 0.1
"""From this share of throttled attempts on, the load was clearly above the limit: a pure measurement."""

SATURATED_TRIES = 10

ENOUGH = 8
"""Admitted attempts that make a saturated measurement good to an eighth."""

NO_BURST_SHARES = 0.4, 0.6
"""A service without any burst throttles every second attempt as soon as the rate is a little too high, and
so does one with a burst at twice its limit. In doubt, a small step."""

SMALL_STEP, LARGE_STEP, LARGEST_STEP = 0.8, 0.5, 0.2
"""Shares of the rate below which one saturated measurement may not go, by how sure it is."""

LEAST_STEP = 0.97
"""A saturated measurement means that the rate was too high by this much at least."""

UNSATURATED_STEP, UNKNOWN_STEP = 0.7, 0.9
"""The same for an estimate between ``low`` and ``high``, and for one without ``low``: ``high`` alone is less
than the limit if the load stood still just before."""

HIGH_SECONDS, HIGH_TRIES = 0.3, 8.0
"""What "just before" means: as short as possible, but a few attempts."""

LOW_TRIES = 20
"""What "since an earlier throttle" means: back to the latest one that so many attempts followed."""

LOW_MIN_TRIES, LOW_MIN_SECONDS = 10, 0.25
"""With less than this since the earliest throttle, ``low`` says nothing."""

RUN_SECONDS, RUN_TRIES = 1.5, 5.0
"""Cuts no further apart than this are one trouble."""

RUN_LOOK_BACK_SECONDS, RUN_LOOK_BACK_TRIES = 0.5, 20.0
"""How far into the past a trouble is evidence: the limit may be falling."""

DUE_MARGIN, UNEXPECTED_MARGIN = 1.007, 1.03
"""How far above ``low`` the limit is put at most, for a throttle that was due at the end of a cruise cycle
and for others. Over-estimates cost a few throttles, under-estimates cost throughput."""

AGREEMENT, AGREEMENT_PER_SECOND, MAX_AGREEMENT = 0.02, 0.1, 0.05
"""Estimates agree within 2 %, and more if answers are late: the rate goes on changing until they come."""

COUNTING_ERROR = 1.5
"""Attempts that an estimate may be off by for its ends alone."""

BRIEF_SECONDS = 0.03
"""In less time than this attempts arrive unevenly: event loops stand still for milliseconds now and then."""

IDLE_SHARE, IDLE_TOKENS = 0.02, 2.0
"""If more of the tokens were not taken, the service's bucket filled up and ``low`` says nothing."""


@dataclass(frozen=True, slots=True)
class RateCut:
    """A throttle that the rate was cut for.

    Attributes:
        number: Of the attempt.
        at: When it started, in monotonic seconds.
    """

    number: int
    at: float


class LimitEstimate:
    """The limit as it is known so far.

    Args:
        log: The attempts.
        limit: Events per second, the first guess.
        now: Monotonic seconds.

    Attributes:
        limit: Events per second.
        agreed: Estimates in a row that agreed with the one before.
        limit_before_trouble: The limit when the present trouble, or the last one, began.
    """

    def __init__(self, log: AttemptLog, limit: float, *, now: float) -> None:
        self.limit = self.limit_before_trouble = limit
        self.agreed = 0
        self._log = log
        self._reference = limit
        self._cuts: deque[RateCut] = deque([RateCut(0, now)], maxlen=8)
        self._trouble_began = self._anew_from = 0

    def note_trouble(self, number: int, first_throttled: int, rate: float) -> None:
        """Note where the present trouble began, unless it is the one of the last cut still."""
        at = self._log.started_at(number)
        in_trouble = self._cuts[-1].number > 0 and at - self._cuts[-1].at < max(RUN_SECONDS, RUN_TRIES / rate)
        if not in_trouble:
            self._trouble_began = first_throttled
            self.limit_before_trouble = self.limit

    def saturated(self, number: int, rate: float, overflow: float) -> float | None:
        """Return the admitted rate since the trouble began, or None if little was throttled in it.

        A fast load is saturated within milliseconds. What was admitted over a longer time tells more then,
        and may be too low, but not too high: of what a brief measurement is above that, half counts.
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
        known_seconds = self._log.started_at(number) - self._log.started_at(self._anew_from)
        seconds = min(max(HIGH_SECONDS, HIGH_TRIES / rate), known_seconds)
        return min(rate, self._log.recent(number, seconds).admitted_rate)

    def between(self, number: int, rate: float, overflow: float, *, is_due: bool) -> float:
        """Return the limit that a throttle shows which came alone, or nearly so.

        Args:
            number: Of the attempt.
            rate: Events per second at the time.
            overflow: Tokens that were not taken since the last cut.
            is_due: Whether the throttle was to be expected, at the end of a cruise cycle.
        """
        low, high = self._low(number, overflow), self.high(number, rate)
        if low is None:
            return max(high, UNKNOWN_STEP * rate)
        margin = DUE_MARGIN if is_due else UNEXPECTED_MARGIN
        return max(min((low + high) / 2.0, margin * low, rate), UNSATURATED_STEP * rate)

    def beyond(self, number: int, rate: float, overflow: float) -> float:
        """Return the limit that a throttle shows after the limit known before was outgrown.

        ``low`` tells of a time when the rate was too low, and so it is taken for no more than half.
        """
        low, high = self._low(number, overflow), self.high(number, rate)
        return high if low is None else (low + high) / 2.0

    def guess(self, limit: float) -> None:
        """Take a limit that no estimate should be compared with."""
        self.limit = self.limit_before_trouble = limit

    def settle(self, limit: float, number: int, reaction_seconds: float) -> bool:
        """Take an estimate as the limit.

        Args:
            limit: Events per second.
            number: Of the attempt whose throttle led to it.
            reaction_seconds: How long throttles take to be answered.

        Returns:
            Whether it agrees with the estimate before.
        """
        reference, self._reference, self.limit = self._reference, limit, limit
        if self._log.last - self._cuts[-1].number < SATURATED_TRIES:
            return False  # too soon after the last one to be independent of it
        seen = number - self._baseline(number)
        late = max(reaction_seconds - PROMPT_SECONDS, 0.0)
        tolerance = min(AGREEMENT + AGREEMENT_PER_SECOND * late, MAX_AGREEMENT)
        agrees = seen >= SATURATED_TRIES and abs(limit / reference - 1.0) < tolerance + COUNTING_ERROR / seen
        self.agreed = self.agreed + 1 if agrees else 0
        return agrees

    def close(self, number: int, *, forget: bool = False) -> None:
        """Note that the rate was cut for attempt ``number``; ``forget`` what was before it."""
        if forget:
            self._cuts.clear()
        self._cuts.append(RateCut(number, self._log.started_at(number)))

    def begin_anew(self, number: int, now: float) -> None:
        """Forget what was before attempt ``number``, the next one to start."""
        self._cuts.clear()
        self._cuts.append(RateCut(number, now))
        self._trouble_began = self._anew_from = number

    def _low(self, number: int, overflow: float) -> float | None:
        """Return the rate admitted since an earlier throttle, or None if it says nothing."""
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
    """Return the limit that a stretch with many throttles shows, no step too large for its evidence."""
    doubtful_from, doubtful_to = NO_BURST_SHARES
    if doubtful_from <= tally.throttled_share <= doubtful_to:
        lowest = SMALL_STEP
    else:
        lowest = LARGEST_STEP if tally.admitted >= ENOUGH else LARGE_STEP
    return max(min(tally.admitted_rate, LEAST_STEP * rate), lowest * rate)
