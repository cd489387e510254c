"""Throttles that come whatever the rate: a service, or a proxy before it, that refuses a share of all calls.

A limit throttles less the slower the load is, and nothing below it. So if the rate has fallen to a fraction
and the share of throttles has stayed, slowing down has no effect: the share is noise, and the load goes on
at the rate it had. Whoever takes noise for a limit ends at a call in five seconds.

Rules kept here:

1. Noise is what meets the first attempts after a cut as well, cut after cut, while the rate falls to a third:
   below a limit there is nothing to be throttled for until the rate has grown again.
2. A share beyond the noise counts as before, so that a limit behind it is still found.
"""

from collections import deque

from loader.delivery.rate.attempt_log import AttemptCounts, AttemptLog
from loader.delivery.rate.throttle_budget import TOLERATED_SHARE

FALL = 3.0
"""How far the rate must have fallen without effect."""

CUTS, FIRST_TRIES = 6, 4
"""So many cuts in a row are looked at, and so many attempts after each."""

NOISE_SHARES = 0.1, 0.6
"""A smaller share does not hold a load up for long. A larger one is what a limit far below the rate does."""

NOISY_CUTS = 4
"""After so many of them at least one of the first attempts was throttled."""

MARGIN_FACTOR, MARGIN = 1.5, 0.05
"""How far beyond the noise the share may go: the noise itself scatters."""

QUIET_TRIES, QUIET_SHARE = 200, 0.25
"""If of so many attempts less than this part of what is tolerated was throttled, the noise has ended."""


class RandomThrottles:
    """Tells noise from a limit.

    Args:
        log: The attempts.

    Attributes:
        tolerated_share: Share of the attempts that may be throttled without it meaning anything.
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
        """Whether there is more noise than any service may be expected to make."""
        return self.tolerated_share > TOLERATED_SHARE

    def cut(self, number: int, rate: float, last_cut: int) -> float | None:
        """Note that the rate is about to be cut for attempt ``number``.

        Args:
            number: Of the attempt.
            rate: Events per second so far.
            last_cut: Number of the last attempt that started before the last cut.

        Returns:
            The rate to go back to if these cuts turn out to have had no effect, else None.
        """
        first = self._log.tally(last_cut, min(last_cut + FIRST_TRIES, number))
        self._rates.append(rate)
        if first.tried < 1:  # so long ago that the log has forgotten them: that cut had its effect
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
        """Note that attempt ``number`` was throttled, and tolerate no more than there is noise."""
        if self.is_heard and number > self._heard_at + QUIET_TRIES:
            share = self._log.tally(number - QUIET_TRIES, number).throttled_share
            if share < QUIET_SHARE * self.tolerated_share:
                self.tolerated_share = TOLERATED_SHARE
            else:
                self.tolerated_share = min(self.tolerated_share, MARGIN_FACTOR * share + MARGIN)
