"""How many throttles are chance: some services throttle now and then for no reason.

Rules kept here:

1. A share of TOLERATED_SHARE of the attempts may be throttled for ever without any consequence.
2. Beyond that the *number* of throttles counts, not their share. Of two loads under one limit the faster one
   then cuts more often, and so they end up at the same rate.
"""

TOLERATED_SHARE = 0.012
"""Services that throttle one attempt in a hundred whatever the rate must not bring a load to a stand."""

CHANCE_RATE = 50.0
"""Events per second up to which one throttle in excess is chance."""

UNEVEN_SECONDS = 0.012
"""How unevenly attempts arrive: event loops, this one and the service's, are late by so much now and then."""

MAX_LATE_SECONDS = 0.1
"""Longer than a tenth of a second the load does not rest for it: few services save tokens for longer."""


def chance(rate: float) -> float:
    """Return how many throttles in excess are chance at ``rate`` events per second.

    One at low rates, 3.3 at 500/s, 8.3 at 5,000/s. It grows with the cube root: slower than the scatter of
    the throttles (a square root), or the faster of two loads would keep its lead.
    """
    cube_root: float = max(rate / CHANCE_RATE, 1.0) ** (1.0 / 3.0)
    return 2.0 * cube_root - 1.0


def rest_seconds(rate: float, late_seconds: float = 0.0) -> float:
    """Return how long to rest after a cut to ``rate``: 5 ms at 500/s, 10 at 5,000/s, nothing below 160/s.

    The service has no token left then, and attempts arrive unevenly. What it saves meanwhile makes up for as
    many as UNEVEN_SECONDS bring, apart from those that are chance: without it a fast load would be throttled
    again at once, and slow down for nothing. Tokens saved are spent later, so it costs no throughput.

    Args:
        rate: Events per second.
        late_seconds: How much later than others the throttle was answered that made the cut: attempts have
            queued before the service for so long.
    """
    uneven_seconds = UNEVEN_SECONDS + min(max(late_seconds, 0.0), MAX_LATE_SECONDS)
    return max(uneven_seconds - chance(rate) / rate, 0.0)


class ThrottleBudget:
    """Counts the throttles beyond the tolerated share since it was renewed."""

    __slots__ = ("_excess", "_number")

    def __init__(self) -> None:
        self._excess = 0.0
        self._number = 0

    def spend(self, number: int, budget: float, tolerated_share: float = TOLERATED_SHARE) -> bool:
        """Note a throttle.

        Args:
            number: Number of the last attempt started.
            budget: Throttles in excess that change nothing; 0 if any throttle counts.
            tolerated_share: Share of the attempts whose throttles are none in excess.

        Returns:
            Whether the budget is gone.
        """
        forgiven = tolerated_share * (number - self._number)
        self._excess = max(0.0, self._excess - forgiven) + 1.0
        self._number = number
        return self._excess > budget

    def renew(self, number: int) -> None:
        """Forget the throttles so far; ``number`` is that of the last attempt started."""
        self._excess = 0.0
        self._number = number
