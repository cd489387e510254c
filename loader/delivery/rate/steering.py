"""The state machine of the governor: it chooses the next rate.

    START    limit unknown: grow exponentially                  a throttle       -> SEEK
    SEEK     limit roughly known: grow slowly from below it,    AGREED estimates -> CRUISE
             and faster above it while nothing is throttled
    CRUISE   limit known: stay within 3 % of it                 early throttle   -> SEEK
             (cubic_curve.py)                                   no throttle      -> SEEK

Rules kept here:

1. After a cut the limit is a measured value (limit_estimate.py), never a fraction of the previous limit.
2. The new rate is slightly below a limit that is well measured. If the limit is lower than the previous
   estimate, the new rate is further below it in proportion, because other loads may share the limit.
"""

from enum import StrEnum

from loader.delivery.rate.attempt_log import AttemptLog
from loader.delivery.rate.cubic_curve import CRUISE_CUT, SHORTEST_PERIOD_SECONDS, CubicCurve
from loader.delivery.rate.limit_estimate import BRIEF_SECONDS, LimitEstimate, saturated_limit
from loader.delivery.rate.slow_start import PROMPT_SECONDS, RETURN_GAIN, seek_gain, start_gain

LOW_RATE = 50.0
"""Events per second below which each throttle is a significant fraction of the attempts."""

START_CUT, LOW_START_CUT, LOWEST_START_CUT = 0.7, 0.5, 0.4
"""Rate after START as a fraction of the rate admitted last, from LOW_RATE on, below it, and below half of it.
Part of the admitted rate is the burst allowance, and this part is larger at low rates."""

SEEK_CUT = 0.85
"""Lowest fraction of the limit after a cut to a lower limit. CUBIC's 0.7 costs a single load more."""

NEAR_CUT = 0.95
"""Fraction of the limit after a cut if the limit is well measured or higher than the previous estimate."""

LOWER_FACTOR = 2.5
"""If the limit is lower than the previous estimate, the rate backs off below NEAR_CUT by this factor times
the shortfall, down to SEEK_CUT. A shortfall of 2 % is usually a measurement error and not another load's
share."""

NOISY_CUT, SHELTERED = 0.85, 0.97
"""Fraction of the limit after a cut while a share of the attempts is throttled at random, and fraction below
which this share is measured. Near the limit, the limit adds throttles."""

FEW_TRIES = 8
"""Minimum number of attempts for an estimate. The first attempts may be throttled if other loads use the full
limit. The load then restarts START at a lower rate."""

SETTLE_TRIES, SETTLED_SHARE = 24, 0.97
"""The attempts in flight at the end of START give an estimate of the limit if there are at least SETTLE_TRIES
and less than the fraction SETTLED_SHARE of them was admitted."""

AGREED = 2
"""Number of consecutive agreeing estimates after which the limit is known."""

LEARNED_CUT = 0.8
"""Initial rate of a load as a fraction of the rate that an earlier load learned."""

RETURN_CUT, RETURN_SHARE = 0.25, 0.9
"""After an outage, the rate restarts at the fraction RETURN_CUT of the limit and grows fast up to
RETURN_SHARE."""

REACTION_WEIGHT = 0.3
"""Weight of the newest throttle in the mean latency of throttles."""

RETRY_AFTER_PERIODS = 10.0
"""Minimum cruise period as a factor of the Retry-After pause, so that the pauses cost a few percent of the
time."""


class Phase(StrEnum):
    """The state of the governor."""

    START = "start"
    SEEK = "seek"
    CRUISE = "cruise"
    BLOCKED = "blocked"


class Steering:
    """Decides the rate in events per second. The caller passes all times.

    Args:
        log: The attempts.
        start_rate: Initial events per second.
        learned_rate: The limit that an earlier load learned, or None.
        now: Monotonic seconds.

    Attributes:
        phase: START, SEEK or CRUISE.
        is_known: Whether the limit is known or was known earlier.
        estimate: The estimate of the limit.
        reaction_seconds: Mean latency of throttles.
        settling: Number of the attempt whose throttle ended START, while the governor waits for the answers
            to the attempts in flight; else 0.
    """

    def __init__(self, log: AttemptLog, *, start_rate: float, learned_rate: float | None, now: float) -> None:
        self.is_known = learned_rate is not None
        self.phase = Phase.SEEK if self.is_known else Phase.START
        self.settling = 0
        limit = start_rate if learned_rate is None else learned_rate
        self.estimate = LimitEstimate(log, limit, now=now)
        self._log = log
        self._curve = CubicCurve(limit, limit)
        self._has_outgrown = False
        self._fast_until = RETURN_SHARE * limit if self.is_known else float("inf")
        self.reaction_seconds = PROMPT_SECONDS

    def is_beyond(self, rate: float) -> bool:
        """Return whether ``rate`` is a probe above the limit that is known to be allowed."""
        return self.phase is Phase.START or (self.phase is Phase.CRUISE and rate >= self.estimate.limit)

    def gain(self, rate: float, epochs: int) -> float:
        """Return the rate increase (events per second) for each accepted event in START and SEEK."""
        if rate >= self._fast_until:
            return seek_gain(rate, self.estimate.limit, epochs, self.reaction_seconds)
        return RETURN_GAIN if self.is_known else start_gain(rate)

    def cruise(self, seconds: float, *, is_quiet: bool) -> float:
        """Return the rate in CRUISE after ``seconds`` more; ``is_quiet`` means that nothing was throttled."""
        rate = self._curve.advance(seconds)
        if is_quiet and self._curve.is_outgrown:
            self.phase = Phase.SEEK
            self._has_outgrown = True
            self.estimate.agreed = min(self.estimate.agreed, AGREED - 1)
        return rate

    def note_trouble(self, number: int, rate: float, first_throttled: int, reaction_seconds: float) -> None:
        """Record a throttle that causes a cut.

        Args:
            number: Number of the throttled attempt.
            rate: Events per second.
            first_throttled: Number of the first attempt throttled since the last cut.
            reaction_seconds: Latency of this throttle.
        """
        self.reaction_seconds += REACTION_WEIGHT * (reaction_seconds - self.reaction_seconds)
        self.estimate.note_trouble(number, first_throttled, rate)

    def is_sheltered(self, rate: float, safe_share: float) -> bool:
        """Return whether ``rate`` is clearly below the limit that the last cut found."""
        return self.phase is not Phase.START and rate < SHELTERED * safe_share * self.estimate.limit

    def cut(
        self, number: int, rate: float, overflow: float, pause: float, *, safe_share: float = 1.0
    ) -> float:
        """Return the rate after a throttle that ``note_trouble`` recorded.

        Args:
            number: Number of the throttled attempt.
            rate: Events per second before the cut.
            overflow: Unused tokens since the last cut.
            pause: Retry-After of the service in seconds.
            safe_share: Fraction of a measured limit that is certainly below the limit; 1 without noise.
        """
        if self.phase is Phase.START and number < FEW_TRIES:
            self.estimate.close(number, forget=True)
            return LOW_START_CUT * rate
        if self.phase is Phase.START:
            new_rate = self._end_start(number, rate)
            self.estimate.close(number, forget=True)
        else:
            new_rate = self._narrow(number, rate, overflow, pause)
            self.estimate.close(number)
        return new_rate if safe_share == 1.0 else self._seek(self.estimate.limit, NOISY_CUT * safe_share)

    def settle(self, until: int, now: float) -> float | None:
        """Evaluate the attempts up to ``until`` that were in flight when START ended.

        Attempts within less than BRIEF_SECONDS give no estimate, because they queued in front of the service
        and later attempts do not. The estimate then discards them and starts a new measurement.

        Returns:
            The rate, 0 if everything was throttled, or None if the evidence is insufficient.
        """
        number, self.settling = self.settling, 0
        tally = self._log.tally(number, until)
        if tally.tried < SETTLE_TRIES:
            return None
        if tally.admitted == 0:
            return 0.0
        if tally.seconds < BRIEF_SECONDS:
            self.estimate.discard_before(until + 1, now)
            return None
        if tally.admitted >= SETTLED_SHARE * tally.tried:
            return None
        limit = saturated_limit(tally, self.estimate.limit)
        self.estimate.settle(limit, until, self.reaction_seconds)
        return self._go_on(limit, NEAR_CUT, SHORTEST_PERIOD_SECONDS)

    def block(self, admitted_rate: float) -> None:
        """Record that the service throttles everything. ``admitted_rate`` is the rate before that."""
        is_known = self.phase is not Phase.START
        before = self.estimate.limit_before_trouble
        self.estimate.guess(min(before, admitted_rate) if is_known else admitted_rate)
        self.settling = 0

    def resume(self, *, after_outage: bool) -> float:
        """Return the rate at the end of a block, when the service admits attempts again."""
        limit = self.estimate.limit
        self.estimate.close(self._log.last, forget=True)
        if not after_outage:
            return self._cruise(limit, SHORTEST_PERIOD_SECONDS)
        return self._return_to(limit)

    def revert(self, limit: float) -> float:
        """Return the rate after cuts from ``limit`` had no effect. START continues if no limit is known."""
        self.estimate.guess(limit)
        self.estimate.close(self._log.last, forget=True)
        if self.is_known:
            return self._seek(limit, SEEK_CUT)
        self.phase = Phase.START
        self._fast_until = float("inf")
        return limit

    def _return_to(self, limit: float) -> float:
        """Seek a known limit; the rate grows fast until it is near the limit."""
        rate = self._seek(limit, RETURN_CUT)
        self._fast_until = RETURN_SHARE * limit
        return rate

    def _end_start(self, number: int, rate: float) -> float:
        limit = self.estimate.high(number, rate)
        start_cut = START_CUT
        if limit < LOW_RATE:
            start_cut = LOW_START_CUT if limit >= LOW_RATE / 2.0 else LOWEST_START_CUT
        self.estimate.guess(limit)
        self.settling = number
        return self._seek(limit, start_cut)

    def _narrow(self, number: int, rate: float, overflow: float, pause: float) -> float:
        estimate, before = self.estimate, self.estimate.limit
        saturated = estimate.saturated(number, rate, overflow)
        was_cruising = self.phase is Phase.CRUISE
        if saturated is not None:
            limit = saturated
        elif self._has_outgrown:
            limit = estimate.beyond(number, rate, overflow)
            estimate.agreed = AGREED
        else:
            limit = estimate.between(number, rate, overflow, is_due=was_cruising and rate >= before)
        agrees = estimate.settle(limit, number, self.reaction_seconds)
        was_measured_well = saturated is not None or agrees or limit >= before
        shortest = max(SHORTEST_PERIOD_SECONDS, RETRY_AFTER_PERIODS * pause)
        period = self._curve.longer_period(limit, shortest) if was_cruising and agrees else shortest
        if was_measured_well:
            return self._go_on(limit, NEAR_CUT, period)
        return self._go_on(limit, max(NEAR_CUT - LOWER_FACTOR * (1.0 - limit / before), SEEK_CUT), period)

    def _go_on(self, limit: float, share: float, period_seconds: float) -> float:
        if self.estimate.agreed >= AGREED:
            return self._cruise(limit, period_seconds)
        return self._seek(limit, share)

    def _seek(self, limit: float, share: float) -> float:
        self.phase = Phase.SEEK
        self._has_outgrown = False
        self._fast_until = 0.0
        return share * limit

    def _cruise(self, limit: float, period_seconds: float) -> float:
        self.phase = Phase.CRUISE
        self.is_known = True
        self._has_outgrown = False
        self._fast_until = 0.0
        self._curve = CubicCurve(limit, CRUISE_CUT * limit, period_seconds)
        return CRUISE_CUT * limit
