"""How long a load should take, and whether that fits.

No load is faster than the slowest of three things, each a lower bound:

    events / rate                      the rate that was set, or that the last load learned
    longest lane x round trip          one event of a group is under way at a time
    events x round trip / in flight    --max-in-flight requests are under way at once

The estimate is the greatest of them. Throttling, retries and a slow extract add to it.
"""

from dataclasses import dataclass

from loader.model import TOKEN_LIFE_SECONDS


@dataclass(frozen=True, slots=True)
class Speed:
    """What the pace of a load depends on.

    Attributes:
        rate: Events per second, or None if nothing is known of it.
        rate_origin: The source of the rate, as text.
        round_trip_seconds: How long one request is assumed to take.
        max_in_flight: Most requests under way at once.
    """

    rate: float | None
    rate_origin: str
    round_trip_seconds: float
    max_in_flight: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a load should take.

    Attributes:
        speed: What it was worked out with.
        seconds: The estimate; without a rate only a lower bound.
        longest_lane_seconds: What the longest lane alone takes.
        limited_by: ``rate``, ``longest lane`` or ``in flight``: which bound decides.
        deadline_seconds: The time there is, or None if no deadline was given.
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
    """Return how long a load should take.

    Args:
        events: Its events.
        longest_lane: Events of its longest lane.
        speed: What its pace depends on.
        deadline_seconds: The time there is, or None.
    """
    lane_seconds = longest_lane * speed.round_trip_seconds
    bounds = {
        "longest lane": lane_seconds,
        "in flight": events * speed.round_trip_seconds / speed.max_in_flight,
    }
    if speed.rate is not None:
        bounds["rate"] = events / speed.rate
    limited_by = max(bounds, key=lambda name: bounds[name])
    return Estimate(speed, bounds[limited_by], lane_seconds, limited_by, deadline_seconds)
