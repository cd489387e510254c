"""Detection of random throttles (noise): a service or proxy throttles a share of all calls at any rate.

A rate limit throttles less at lower rates, and nothing below the limit. If the rate falls and the throttled
fraction stays the same, lower rates have no effect: the throttles are noise, and the load returns to its
earlier rate. A controller that mistakes noise for a limit ends at one call per five seconds.

Rules kept here:

1. Throttles are noise if they also hit the first attempts after each of several cuts, while the rate falls to
   a third. A limit does not throttle these attempts, because the rate is below it and has not grown yet.
2. Throttles above the noise fraction count as usual, so that the governor still finds a limit behind the
   noise.
"""

from collections import deque

from loader.delivery.rate.attempt_log import AttemptCounts, AttemptLog
from loader.delivery.rate.throttle_budget import TOLERATED_SHARE

FALL = 3.0
"""Factor by which the rate must fall without effect on the throttled fraction."""

CUTS, FIRST_TRIES = 6, 4
"""Number of consecutive cuts, and of attempts after each cut, that the detection uses."""

NOISE_SHARES = 0.1, 0.6
"""Range of the throttled fraction that is noise. A smaller fraction does not slow a load down for long. A
limit far below the rate causes a larger one."""

NOISY_CUTS = 4
"""Number of cuts after which at least one of the first attempts must be throttled."""

MARGIN_FACTOR, MARGIN = 1.5, 0.05
"""Tolerated fraction as a factor of the noise plus a constant, because the noise fraction varies."""

QUIET_TRIES, QUIET_SHARE = 200, 0.25
"""The noise has ended if the throttled fraction of the last QUIET_TRIES attempts is below QUIET_SHARE times
the tolerated fraction."""


class RandomThrottles:
    """Distinguishes noise from a limit.

    Args:
        log: The attempts.

    Attributes:
        tolerated_share: Fraction of the attempts (0..1) that may be throttled without any effect on the rate.
    """

    __slots__ = ("_firsts", "_heard_at", "_log", "_rates", "tolerated_share")

    def __init__(self, log: AttemptLog) -> None:
        self._log = log
        self.tolerated_share = TOLERATED_SHARE
        self._heard_at = 0
        self._rates: deque[float] = deque(maxlen=CUTS + 1)
        self._firsts: deque[AttemptCounts] = deque(maxlen=CUTS)

    @property
    def is_heard(self) -> bool:
        """Whether the noise exceeds the fraction that is always tolerated."""
        return self.tolerated_share > TOLERATED_SHARE

    def cut(self, number: int, rate: float, last_cut: int) -> float | None:
        """Record that attempt ``number`` is about to cause a cut.

        Args:
            number: Number of the throttled attempt.
            rate: Events per second before the cut.
            last_cut: Number of the last attempt that started before the last cut.

        Returns:
            The rate to return to if the recent cuts had no effect, else None.
        """
        first = self._log.tally(last_cut, min(last_cut + FIRST_TRIES, number))
        self._rates.append(rate)
        if first.tried < 1:  # the log no longer has them: the last cut is old, so it was effective
            self._rates.clear()
            self._firsts.clear()
            return None
        self._firsts.append(first)
        if len(self._rates) <= CUTS or rate * FALL > self._rates[0]:
            return None
        tried = sum(each.tried for each in self._firsts)
        share = 1.0 - sum(each.admitted for each in self._firsts) / tried
        low, high = NOISE_SHARES
        if not low <= share <= high or sum(each.admitted < each.tried for each in self._firsts) < NOISY_CUTS:
            return None
        self.tolerated_share = min(MARGIN_FACTOR * share + MARGIN, high)
        self._heard_at = number
        top_rate = self._rates[0]
        self._rates.clear()
        self._firsts.clear()
        return top_rate

    def listen(self, number: int) -> None:
        """Record that attempt ``number`` was throttled; lower the tolerated share if the noise fell."""
        if self.is_heard and number > self._heard_at + QUIET_TRIES:
            share = self._log.tally(number - QUIET_TRIES, number).throttled_share
            if share < QUIET_SHARE * self.tolerated_share:
                self.tolerated_share = TOLERATED_SHARE
            else:
                self.tolerated_share = min(self.tolerated_share, MARGIN_FACTOR * share + MARGIN)
