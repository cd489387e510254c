"""Random throttles (noise): a service or proxy throttles a share of all calls at any rate.

A limit throttles nothing below the limit, so a cut is followed by a quiet stretch. Noise does not depend on
the rate: after a cut, the same share is throttled. A controller that mistakes noise for a limit ends at a few
percent of the quota.

    state    a throttle                                         next state
    quiet    counts; it is evidence of noise if the rate is     noisy, when the evidence suffices; the rate
             far below a rate that was admitted recently        returns to the admitted rate
    noisy    has no effect if noise explains it: an attempt     quiet, when the share of throttles is below
             earns a credit, and a throttle spends one          ENDED_SHARE

Rules kept here:

1. Throttles are evidence only if they last, without a quiet stretch between them.
2. In the noisy state, only *sheltered* attempts measure the share: those after a cut, until the rate is near
   the limit again. A load that learned the throttles of a limit as noise would displace other loads.
3. Some cuts are deeper, ever more rarely. They show whether other loads cause the throttles.
4. Throttles that the credit does not explain count, so the governor finds a limit in spite of the noise.
   After the credit is spent, every throttle counts until the next cut.
5. The assumed share is at most MOST_SHARE.
"""

from collections import deque
from typing import NamedTuple

COLD_TRIES = 400
COLD_FALL, WARM_FALL = 0.5, 0.15
"""A throttle is evidence if the rate is at most COLD_FALL times a recently admitted rate for the first
COLD_TRIES attempts of a load, and at most WARM_FALL times afterwards. A load that starts has too few attempts
to wait for the deeper fall. When eight loads start one after the other, the rate of each falls to an eighth,
but not within KEPT_THROTTLES."""

LEAST_SHARE, FEWEST, DEVIATIONS = 0.04, 6, 1.75
"""Least share of throttles of the evidence, least number of them, and margin of the share in standard
deviations. Loads that share a limit see 3 %."""

LASTING_SECONDS = 3.0
"""Minimum duration of the evidence. If another load exceeds a limit, it slows down earlier than this."""

QUIET_TRIES = 100
"""Number of attempts without a throttle that show that the last cut had an effect."""

KEPT_THROTTLES, LOCAL = 96, 4
"""Number of throttles that the detection keeps, and number of the latest ones from which the share at the
current rate is computed."""

MOST_EVIDENT_SHARE, MOST_SHARE = 0.5, 0.4
"""Highest share that is evidence of noise, and highest share that is assumed. A limit that has fallen far
throttles more."""

REVIEW_THROTTLES, REVIEWS = 32.0, 4
"""Expected number of throttles in a measurement, and number of measurements that count. Their mean varies by
a tenth."""

WEAKER, WEAKER_DEVIATIONS = 0.5, 2.0
"""The noise is weaker if all attempts of a measurement have less than WEAKER times the assumed share, or if
the sheltered attempts have fewer throttles than expected by WEAKER_DEVIATIONS standard deviations."""

ENDED_SHARE = 0.05
"""Share below which noise is not assumed. Eight loads that share a limit see 3 % also after a cut."""

DEEP_CUT = 0.75
"""Further fall of the rate after the first, second, fourth, eighth... cut of the noisy state. Two loads under
one limit that both assume noise cause each other's throttles as long as only one of them slows down a
little."""

CREDIT_FACTOR, MAX_CREDIT = 1.2, 12.0
"""Credit of an attempt as a factor of the assumed share, and maximum credit. They cover the scatter of the
noise and of its measurement. With a larger factor, loads under one limit raise each other's assumed share."""


class Throttle(NamedTuple):
    """A throttle that counts.

    Attributes:
        at: Time of the answer in monotonic seconds.
        gap: Number of attempts since the previous one or since the last cut, including this one.
        rate: Events per second at the time of the throttle.
        admitted_rate: Admitted events per second at this rate.
    """

    at: float
    gap: int
    rate: float
    admitted_rate: float


class ShelteredCount(NamedTuple):
    """Counts of sheltered attempts."""

    throttled: int
    tried: int


class RandomThrottles:
    """Distinguishes noise from a limit.

    Attributes:
        share: Fraction of the attempts (0..1) that is assumed to be throttled at random; 0 without noise.
    """

    __slots__ = (
        "_counted",
        "_credit",
        "_credited",
        "_cuts",
        "_is_spent",
        "_last",
        "_measurements",
        "_review_began",
        "_review_throttled",
        "_sheltered_from",
        "_sheltered_throttled",
        "_sheltered_tried",
        "_sheltered_until",
        "_throttled_beyond",
        "share",
    )

    def __init__(self) -> None:
        self.share = 0.0
        self._counted: deque[Throttle] = deque(maxlen=KEPT_THROTTLES)
        self._measurements: deque[ShelteredCount] = deque(maxlen=REVIEWS)
        self._credit = 0.0
        self._is_spent = False
        self._last = self._credited = self._cuts = 0
        self._review_began = self._review_throttled = 0
        self._sheltered_from = self._sheltered_until = 0
        self._sheltered_throttled = self._sheltered_tried = self._throttled_beyond = 0

    @property
    def safe_share(self) -> float:
        """Fraction of a measured limit that is certainly below the limit, whatever caused the throttles."""
        is_deep = self.share and self._cuts and not self._cuts & (self._cuts - 1)
        return (DEEP_CUT if is_deep else 1.0) * (1.0 - CREDIT_FACTOR * self.share)

    def begin_cut(self) -> float:
        """Return ``safe_share`` for the cut that is due, and until the next one."""
        self._cuts += 1
        return self.safe_share

    def shelter(self, number: int) -> None:
        """Record that attempts up to ``number`` started at a rate that is clearly below the limit."""
        self._sheltered_until = number
        # A service that refuses at once does so before the attempt is recorded here.
        self._sheltered_throttled += self._throttled_beyond
        self._throttled_beyond = 0

    def renew(self, number: int) -> None:
        """Record a cut; ``number`` is the number of the last attempt started."""
        self._sheltered_tried += self._sheltered_until - self._sheltered_from
        self._sheltered_from = self._sheltered_until = self._credited = number
        self._throttled_beyond = 0
        if self.share:
            self._measure()
        self._is_spent = False
        self._credit = MAX_CREDIT

    def explains(self, number: int) -> bool:
        """Return whether noise explains that attempt ``number`` was throttled."""
        if not self.share:
            return False
        if number > self._sheltered_until:
            self._throttled_beyond += 1
        elif number > self._sheltered_from:
            self._sheltered_throttled += 1
        self._review(number)
        earned = CREDIT_FACTOR * self.share * max(number - self._credited, 0)
        self._credited = max(number, self._credited)
        self._credit = min(self._credit + earned, MAX_CREDIT)
        self._is_spent = self._is_spent or self._credit < 1.0
        if self._is_spent:
            return False
        self._credit -= 1.0
        return True

    def finds_noise(self, now: float, number: int, rate: float, since: int) -> float | None:
        """Record a throttle that counts.

        Args:
            now: Monotonic seconds.
            number: Number of the throttled attempt.
            rate: Current events per second.
            since: Number of the last attempt that started before the last cut.

        Returns:
            The events per second that the service admits in spite of the noise if this throttle completes the
            evidence of noise, else None.
        """
        self._count(now, number, rate, since)
        top_rate = max(each.admitted_rate for each in self._counted)
        fall = COLD_FALL if number <= COLD_TRIES else WARM_FALL
        evidence = [each for each in self._counted if each.rate <= fall * top_rate]
        throttled, tried = len(evidence), max(sum(each.gap for each in evidence), 1)
        if throttled < FEWEST or now - evidence[0].at < LASTING_SECONDS:
            return None
        least_throttled = throttled - DEVIATIONS * throttled**0.5
        if not LEAST_SHARE * tried < least_throttled < throttled < MOST_EVIDENT_SHARE * tried:
            return None
        self._assume(min(self.share + throttled / tried, MOST_SHARE), number)
        return top_rate

    def _count(self, now: float, number: int, rate: float, since: int) -> None:
        gap = max(number - max(self._last, since), 0)
        self._last = max(self._last, number)
        if gap > QUIET_TRIES:
            self._counted.clear()
        latest = [*[each.gap for each in self._counted][1 - LOCAL :], gap]
        admitted_share = max(1.0 - len(latest) / max(sum(latest), 1), 0.0)
        self._counted.append(Throttle(now, gap, rate, admitted_share * rate))

    def _assume(self, share: float, number: int) -> None:
        self.share = share
        self._is_spent = False
        self._credit, self._credited = MAX_CREDIT, number
        self._cuts = 0
        self._counted.clear()
        self._measurements.clear()
        self._review_began, self._review_throttled = number, 0
        self._sheltered_throttled = self._sheltered_tried = self._throttled_beyond = 0
        self._sheltered_from = self._sheltered_until = number

    def _measure(self) -> None:
        """Set the share from the sheltered attempts if they are enough, or have clearly fewer throttles."""
        expected = self.share * self._sheltered_tried
        if self._sheltered_throttled < expected - WEAKER_DEVIATIONS * expected**0.5:
            self._measurements.clear()
        elif expected < REVIEW_THROTTLES:
            return
        self._measurements.append(ShelteredCount(self._sheltered_throttled, self._sheltered_tried))
        self._sheltered_throttled = self._sheltered_tried = 0
        tried = sum(each.tried for each in self._measurements)
        self._set(sum(each.throttled for each in self._measurements) / tried)

    def _review(self, number: int) -> None:
        """Count a throttle of the noisy state. The share of all attempts is an upper bound of the noise."""
        self._review_throttled += 1
        tried = number - self._review_began
        if tried * self.share < REVIEW_THROTTLES:
            return
        share = self._review_throttled / tried
        self._review_began, self._review_throttled = number, 0
        if share < WEAKER * self.share:
            self._measurements.clear()
            self._set(share)

    def _set(self, share: float) -> None:
        self.share = min(share, MOST_SHARE) if share >= ENDED_SHARE else 0.0
