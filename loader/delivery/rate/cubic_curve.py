"""The rate over time at a known limit: CUBIC's curve, flat near the limit and steeper the longer all is well.

    rate(t) = limit * (1 + depth * ((t - period) / period) ** 3)

It starts a little below the limit, reaches it at t = period and passes it slowly: the probe. For a token
bucket of any size the tokens saved in the first half are what the second half spends, so the mean rate is the
limit itself.
"""

CRUISE_CUT = 0.97
"""Where the curve starts, as a share of the limit. 1 - CRUISE_CUT is also how far it has passed the limit at
twice the period, which is when the throttle is due if the limit has not moved."""

SHORTEST_PERIOD_SECONDS = 2.0
"""First probe of a limit that was just found."""

LONGEST_PERIOD_SECONDS = 2.5, 12.0
"""Of a limit that stays: short enough to notice within ten seconds that it doubled; longer at low rates,
where each probe costs more."""

PROBED_EVENTS = 150.0
"""At low rates a period spans this many events: a probe costs one or two, 1 % at most."""

OUTGROWN = 1.04
"""A rate this far beyond the limit that is not throttled shows that the limit has moved."""

OUTGROWN_EVENTS = 3.0
"""Events beyond the limit that a service may have let pass from its burst allowance without it meaning
anything; matters at low rates only."""


class CubicCurve:
    """One cycle at a known limit.

    Args:
        limit: Events per second.
        rate: Events per second to begin with, at most the limit.
        period_seconds: When the limit is reached.
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
        """Let time pass and return the rate then."""
        self._clock += seconds
        distance = self._clock / self.period_seconds - 1.0
        depth = self._depth if distance < 0.0 else 1.0 - CRUISE_CUT
        self._rate = self._limit * (1.0 + depth * distance**3)
        self._beyond += max(self._rate - self._limit, 0.0) * seconds
        return self._rate

    @property
    def is_outgrown(self) -> bool:
        """Whether the limit must have moved, if nothing was throttled."""
        return self._rate > OUTGROWN * self._limit and self._beyond > OUTGROWN_EVENTS

    def longer_period(self, limit: float, shortest_seconds: float = 0.0) -> float:
        """Return the period of the next cycle after a throttle that was due: the limit has stayed."""
        few, many = LONGEST_PERIOD_SECONDS
        longest = max(few, min(many, PROBED_EVENTS / limit), shortest_seconds)
        return min(2.0 * self.period_seconds, longest)
