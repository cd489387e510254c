"""The expected duration of a load, and whether it fits the limits.

Three lower bounds hold for every load:

    events / rate                      the rate that was set, or that the last load learned
    longest lane x round trip          only one event of a group is in flight
    events x round trip / in flight    at most --max-in-flight requests are in flight

The estimate is the largest of them. Throttling, retries and a slow extract add to it.
"""

from dataclasses import dataclass

from loader.model import TOKEN_LIFE_SECONDS

LONGEST_ESTIMATE_SECONDS = 100 * 365 * 86_400.0
"""Longest estimate. A longer one, or an infinite one, has no more meaning."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What the speed of a load depends on.

    Attributes:
        rate: Events per second, or None if unknown.
        rate_origin: The source of the rate, as text.
        round_trip_seconds: Assumed duration of one request.
        max_in_flight: Maximum number of requests in flight.
    """

    rate: float | None
    rate_origin: str
    round_trip_seconds: float
    max_in_flight: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The expected duration of a load.

    Attributes:
        speed: The assumptions behind the estimate.
        seconds: The estimate; without a rate only a lower bound.
        longest_lane_seconds: Duration of the longest lane alone.
        limited_by: ``rate``, ``longest lane`` or ``in flight``: the largest bound.
        deadline_seconds: The time limit, or None.
    """

    speed: Speed
    seconds: float
    longest_lane_seconds: float
    limited_by: str
    deadline_seconds: float | None

    @property
    def fits_deadline(self) -> bool | None:
        """Whether it ends before the deadline; None without a deadline or a rate."""
        return None if self.deadline_seconds is None else self._fits(self.deadline_seconds)

    @property
    def fits_token_life(self) -> bool | None:
        """Whether it ends before the service forgets the first token; None without a rate."""
        return self._fits(TOKEN_LIFE_SECONDS)

    @property
    def fits(self) -> bool:
        """Whether no known limit is exceeded."""
        return self.fits_deadline is not False and self.fits_token_life is not False

    def _fits(self, seconds: float) -> bool | None:
        if self.seconds > seconds:
            return False
        return True if self.speed.rate is not None else None


def estimate(events: int, longest_lane: int, speed: Speed, deadline_seconds: float | None) -> Estimate:
    """Return the expected duration of a load.

    Args:
        events: Its events.
        longest_lane: Events of its longest lane.
        speed: What its speed depends on.
        deadline_seconds: The time limit, or None.
    """
    lane_seconds = longest_lane * speed.round_trip_seconds
    bounds = {
        "longest lane": lane_seconds,
        "in flight": events * speed.round_trip_seconds / speed.max_in_flight,
    }
    if speed.rate is not None:
        bounds["rate"] = events / speed.rate
    limited_by = max(bounds, key=lambda name: bounds[name])
    seconds, lane_seconds = (
        min(each, LONGEST_ESTIMATE_SECONDS) for each in (bounds[limited_by], lane_seconds)
    )
    return Estimate(speed, seconds, lane_seconds, limited_by, deadline_seconds)
