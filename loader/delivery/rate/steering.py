"""Which rate comes next: the states of the governor, and what leads from one to the other.

    START    nothing is known: grow exponentially               a throttle       -> SEEK
    SEEK     a limit is known roughly: grow slowly from below,  AGREED estimates -> CRUISE
             faster the longer nothing is throttled beyond it
    CRUISE   the limit is known: stay within 3 % of it          a surprise       -> SEEK
             (cruise_curve.py)                                  no throttle      -> SEEK

Rules kept here:

1. After a cut the limit is what was measured (limit_estimate.py), never a fraction of a fraction.
2. The rate goes just below a limit that was measured well, and the further below one the lower it turned out
   than it was thought: others may be sharing it.
"""

from enum import StrEnum

from loader.delivery.rate.attempt_log import AttemptLog
from loader.delivery.rate.cubic_curve import CRUISE_CUT, SHORTEST_PERIOD_SECONDS, CubicCurve
from loader.delivery.rate.limit_estimate import BRIEF_SECONDS, LimitEstimate, saturated_limit
from loader.delivery.rate.slow_start import PROMPT_SECONDS, RETURN_GAIN, seek_gain, start_gain

LOW_RATE = 50.0
"""Events per second below which each throttle is a noticeable share of the attempts."""

START_CUT, LOW_START_CUT, LOWEST_START_CUT = 0.7, 0.5, 0.4
"""Where the rate goes after START, as a share of what was admitted last: part of that was a burst, and the
larger part at a low rate (LOW_RATE) and at half of that."""

SEEK_CUT = 0.85
"""Where it goes if the limit is lower than it was thought. CUBIC's 0.7 would cost a lone load more."""

NEAR_CUT = 0.95
"""Where it goes if the limit was measured well, or is higher than it was thought."""

LOWER_FACTOR = 2.5
"""If the limit is lower than it was thought, the rate goes so many times as far below NEAR_CUT, down to
SEEK_CUT: two per cent less are an error of measurement rather than somebody else's share."""

FEW_TRIES = 8
"""Fewer attempts than this are no evidence: a load that starts while others use up the limit may be throttled
at its very first. It starts again, more slowly."""

LEAP = 1.5
"""A rate so far beyond the limit is a new START: its throttle says little about the limit."""

SETTLE_TRIES, SETTLED_SHARE = 24, 0.97
"""Attempts under way when START ends that tell the limit, if fewer than this share of them were admitted."""

AGREED = 2
"""So many estimates that agree with the one before make a known limit."""

LEARNED_CUT = 0.8
"""Begin a load at this share of the rate learned in an earlier one."""

RETURN_CUT, RETURN_SHARE = 0.25, 0.9
"""After an outage: begin at this share of the limit, and grow fast up to this one."""

REACTION_WEIGHT = 0.3
"""Of the newest throttle, in the mean time until throttles are answered."""

RETRY_AFTER_PERIODS = 10.0
"""If each probe of the limit costs a pause, probe so rarely that it costs a few per cent."""


class Phase(StrEnum):
    """What the governor is doing."""

    START = "start"
    SEEK = "seek"
    CRUISE = "cruise"
    BLOCKED = "blocked"


class Steering:
    """Decides the rate, in events per second; knows no clock.

    Args:
        log: The attempts.
        start_rate: To begin with.
        learned_rate: The limit of an earlier load, if one was learned.
        now: Monotonic seconds.

    Attributes:
        phase: START, SEEK or CRUISE.
        is_known: Whether the limit has ever been known.
        estimate: What is known of it.
        reaction_seconds: How long throttles take to be answered, in the mean.
        settling: The attempt whose throttle ended START, while the answers to what was under way then are
            waited for; else 0.
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
        """Return whether ``rate`` tries out more than is known to be allowed."""
        return self.phase is Phase.START or (self.phase is Phase.CRUISE and rate >= self.estimate.limit)

    def gain(self, rate: float, epochs: int) -> float:
        """Return by how much an accepted event raises the rate in START and SEEK."""
        if rate >= self._fast_until:
            return seek_gain(rate, self.estimate.limit, epochs, self.reaction_seconds)
        return RETURN_GAIN if self.is_known else start_gain(rate)

    def cruise(self, seconds: float, *, is_quiet: bool) -> float:
        """Return the rate in CRUISE after some more time, in which nothing was throttled if ``is_quiet``."""
        rate = self._curve.advance(seconds)
        if is_quiet and self._curve.is_outgrown:
            self.phase = Phase.SEEK
            self._has_outgrown = True
            self.estimate.agreed = min(self.estimate.agreed, AGREED - 1)
        return rate

    def note_trouble(self, number: int, rate: float, first_throttled: int, reaction_seconds: float) -> None:
        """Note that attempt ``number`` was throttled, and that it counts.

        Args:
            number: Of the attempt.
            rate: Events per second.
            first_throttled: Number of the first attempt throttled since the last cut.
            reaction_seconds: How long this throttle took to be answered.
        """
        self.reaction_seconds += REACTION_WEIGHT * (reaction_seconds - self.reaction_seconds)
        self.estimate.note_trouble(number, first_throttled, rate)

    def cut(self, number: int, rate: float, overflow: float, pause: float) -> float:
        """Return the rate after a throttle that was noted.

        Args:
            number: Of the attempt.
            rate: Events per second so far.
            overflow: Tokens nobody took since the last cut.
            pause: Seconds the service wants to be left alone.
        """
        if self.phase is Phase.START and number < FEW_TRIES:
            self.estimate.close(number, forget=True)
            return LOW_START_CUT * rate
        saturated = self.estimate.saturated(number, rate, overflow)
        has_leapt = self.phase is Phase.SEEK and rate > LEAP * self.estimate.limit and saturated is None
        if self.phase is Phase.START or has_leapt:
            new_rate = self._end_start(number, rate)
            self.estimate.close(number, forget=True)
        else:
            new_rate = self._narrow(number, rate, saturated, overflow, pause)
            self.estimate.close(number)
        return new_rate

    def settle(self, until: int, now: float) -> float | None:
        """Judge the attempts up to ``until`` that were under way when START ended.

        Of a few milliseconds nothing can be told, but those queued before the service, and what is sent later
        does not: then what follows is measured anew.

        Returns:
            The rate, 0 if everything was throttled, None if they say nothing.
        """
        number, self.settling = self.settling, 0
        tally = self._log.tally(number, until)
        if tally.tried < SETTLE_TRIES:
            return None
        if tally.admitted == 0:
            return 0.0
        if tally.seconds < BRIEF_SECONDS:
            self.estimate.begin_anew(until + 1, now)
            return None
        if tally.admitted >= SETTLED_SHARE * tally.tried:
            return None
        limit = saturated_limit(tally, self.estimate.limit)
        self.estimate.settle(limit, until, self.reaction_seconds)
        return self._go_on(limit, NEAR_CUT, SHORTEST_PERIOD_SECONDS)

    def block(self, admitted_rate: float) -> None:
        """Note that the service throttles everything, and what it admitted just before."""
        is_known = self.phase is not Phase.START
        before = self.estimate.limit_before_trouble
        self.estimate.guess(min(before, admitted_rate) if is_known else admitted_rate)
        self.settling = 0

    def resume(self, *, after_outage: bool) -> float:
        """Return the rate now that the service takes attempts again."""
        limit = self.estimate.limit
        self.estimate.close(self._log.last, forget=True)
        if not after_outage:
            return self._cruise(limit, SHORTEST_PERIOD_SECONDS)
        return self._return_to(limit)

    def go_back(self, limit: float) -> float:
        """Return the rate now that cuts from ``limit`` turned out to have had no effect."""
        self.estimate.guess(limit)
        self.estimate.close(self._log.last, forget=True)
        return self._return_to(limit)

    def _return_to(self, limit: float) -> float:
        """Seek a limit that is known, fast until near it."""
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
        return self._seek(limit, start_cut if self.phase is Phase.START else SEEK_CUT)

    def _narrow(
        self, number: int, rate: float, saturated: float | None, overflow: float, pause: float
    ) -> float:
        estimate, before = self.estimate, self.estimate.limit
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
