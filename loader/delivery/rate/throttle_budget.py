"""The budget of throttles that have no effect, because some services throttle occasionally at random.

Rules kept here:

1. The fraction TOLERATED_SHARE of the attempts may be throttled at any time without effect.
2. Above it the *number* of throttles counts, not their fraction. The faster of two loads under one limit
   therefore cuts more often, and both loads converge to the same rate.
"""

TOLERATED_SHARE = 0.012
"""Tolerated fraction of throttles. A service that throttles 1 % of the attempts at random must not stop a
load."""

CHANCE_RATE = 50.0
"""Events per second up to which exactly one excess throttle is attributed to chance."""

UNEVEN_SECONDS = 0.012
"""Irregularity of arrivals, caused by delays of the event loops of this process and of the service."""

MAX_LATE_SECONDS = 0.1
"""Longest extra rest for a late throttle. Few services save tokens for longer."""


def chance(rate: float) -> float:
    """Return how many excess throttles are attributed to chance at ``rate`` events per second.

    The result is 1 at low rates, 3.3 at 500/s and 8.3 at 5,000/s. It grows with the cube root of the rate,
    which is slower than the scatter of the throttles (a square root). Otherwise the faster of two loads would
    stay faster.
    """
    cube_root: float = max(rate / CHANCE_RATE, 1.0) ** (1.0 / 3.0)
    return 2.0 * cube_root - 1.0


def rest_seconds(rate: float, late_seconds: float = 0.0) -> float:
    """Return the rest in seconds after a cut to ``rate``: 5 ms at 500/s, 10 ms at 5,000/s, 0 below 160/s.

    The service's bucket is empty after a cut, and attempts arrive unevenly. Without a rest a fast load is
    throttled again immediately and slows down without need. During the rest the service saves the tokens for
    the attempts that arrive within UNEVEN_SECONDS, less those that are attributed to chance. The load spends
    these tokens later, so the rest costs no throughput.

    Args:
        rate: Events per second.
        late_seconds: Extra latency of the throttle that caused the cut. Attempts queued in front of the
            service for this time.
    """
    uneven_seconds = UNEVEN_SECONDS + min(max(late_seconds, 0.0), MAX_LATE_SECONDS)
    return max(uneven_seconds - chance(rate) / rate, 0.0)


class ThrottleBudget:
    """Counts the throttles above the tolerated fraction since the last ``renew``."""

    __slots__ = ("_excess", "_number")

    def __init__(self) -> None:
        self._excess = 0.0
        self._number = 0

    def spend(self, number: int, budget: float, tolerated_share: float = TOLERATED_SHARE) -> bool:
        """Record a throttle.

        Args:
            number: Number of the last attempt started.
            budget: Excess throttles that have no effect; 0 if every throttle counts.
            tolerated_share: Fraction of the attempts (0..1) that may be throttled without being in excess.

        Returns:
            Whether the budget is exhausted.
        """
        forgiven = tolerated_share * (number - self._number)
        self._excess = max(0.0, self._excess - forgiven) + 1.0
        self._number = number
        return self._excess > budget

    def renew(self, number: int) -> None:
        """Reset the count; ``number`` is the number of the last attempt started."""
        self._excess = 0.0
        self._number = number
