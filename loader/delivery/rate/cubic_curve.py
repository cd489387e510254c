"""The rate over time at a known limit: the curve of CUBIC, flat near the limit and steep far from it.

    rate(t) = limit * (1 + depth * ((t - period) / period) ** 3)

The rate starts slightly below the limit, reaches it at t = period, and then exceeds it slowly to probe for
more. The tokens that the service's token bucket saves in the first half are spent in the second half, for any
bucket size. The mean rate therefore equals the limit.
"""

CRUISE_CUT = 0.97
"""Start of the curve as a fraction of the limit. The curve exceeds the limit by the fraction 1 - CRUISE_CUT
at t = 2 * period. The throttle is due at that time if the limit is unchanged."""

SHORTEST_PERIOD_SECONDS = 2.0
"""Period of the first cycle after a limit was found."""

LONGEST_PERIOD_SECONDS = 2.5, 12.0
"""Longest period while the limit is stable, at high and at low rates. The first is short enough to detect a
doubled limit within ten seconds. The second is longer because each probe costs more at a low rate."""

PROBED_EVENTS = 150.0
"""Events per period at low rates. A probe costs one or two throttles, which is at most 1 %."""

OUTGROWN = 1.04
"""If a rate of this factor times the limit is not throttled, the limit has increased."""

OUTGROWN_EVENTS = 3.0
"""Events above the limit that the burst allowance of a service may admit while its limit is unchanged. The
value matters at low rates only."""


class CubicCurve:
    """One cycle at a known limit.

    Args:
        limit: Events per second.
        rate: Initial rate in events per second, at most the limit.
        period_seconds: Time until the curve reaches the limit.
    """

    __slots__ = ("_beyond", "_clock", "_depth", "_limit", "_rate", "period_seconds")

    def __init__(self, limit: float, rate: float, period_seconds: float = SHORTEST_PERIOD_SECONDS) -> None:
        self.period_seconds = period_seconds
        self._limit = limit
        self._depth = 1.0 - rate / limit
        self._clock = 0.0
        self._beyond = 0.0
        self._rate = rate

    def advance(self, seconds: float) -> float:
        """Advance the time by ``seconds`` and return the new rate in events per second."""
        self._clock += seconds
        distance = self._clock / self.period_seconds - 1.0
        depth = self._depth if distance < 0.0 else 1.0 - CRUISE_CUT
        self._rate = self._limit * (1.0 + depth * distance**3)
        self._beyond += max(self._rate - self._limit, 0.0) * seconds
        return self._rate

    @property
    def is_outgrown(self) -> bool:
        """Whether the limit must have increased, provided that nothing was throttled."""
        return self._rate > OUTGROWN * self._limit and self._beyond > OUTGROWN_EVENTS

    def longer_period(self, limit: float, shortest_seconds: float = 0.0) -> float:
        """Return the period in seconds of the cycle after a due throttle, which confirms the limit."""
        few, many = LONGEST_PERIOD_SECONDS
        longest = max(few, min(many, PROBED_EVENTS / limit), shortest_seconds)
        return min(2.0 * self.period_seconds, longest)
