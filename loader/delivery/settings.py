"""Settings of a delivery."""

import math
from dataclasses import dataclass, field

from loader.delivery.limits.circuit_breaker import BreakerSettings
from loader.job import OnFailure, Shard
from loader.job.shard import CEILING_BURST_SECONDS


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Settings of a delivery. The maximum number of attempts in flight is a setting of the in-flight cap.

    Attributes:
        rate: The user's ceiling in events per second, or None for no ceiling.
        burst: Capacity of the ceiling's bucket in events, or None for 0.1 s of the rate.
        max_held_bytes: Byte budget of the held events. Only the last event taken may exceed it.
        on_failure: Effect of a failed event on the later events of its group.
        drain_seconds: Longest wait of a stopping load for the answers to attempts in flight.
        breaker: Probe timing of the breaker for an exhausted quota.
        give_up_seconds: Time without an acceptance after which the load stops.
        may_repeat: Whether a repeated record is harmless. With APPEND it is not.
    """

    rate: float | None = None
    burst: int | None = None
    max_held_bytes: int = 64 * 1_048_576
    on_failure: OnFailure = OnFailure.CONTINUE
    drain_seconds: float = 20.0
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    give_up_seconds: float = math.inf
    may_repeat: bool = False

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise ValueError("rate must be above 0")
        if self.burst is not None and self.burst < 1:
            raise ValueError("burst must be at least 1")
        if self.max_held_bytes < 1:
            raise ValueError("max_held_bytes must be at least 1")

    @property
    def burst_events(self) -> int:
        """Capacity of the ceiling's bucket in events, given or derived."""
        if self.burst is not None:
            return self.burst
        return burst_of(self.rate)


def burst_of(rate: float | None) -> int:
    """Return the default capacity of the ceiling's bucket for a rate, in events."""
    return max(1, math.ceil((rate or 0.0) * CEILING_BURST_SECONDS))


def share_of_ceiling(
    rate: float | None, burst: int | None, shard: Shard | None
) -> tuple[float | None, int | None]:
    """Return a shard's share of the user's ceiling. The shares of all shards add up to the ceiling.

    Args:
        rate: The ceiling of the load in events per second.
        burst: The capacity of its bucket in events, or None for the default.
        shard: The shard, or None for the whole load.
    """
    if rate is None or shard is None:
        return rate, burst
    whole = burst_of(rate) if burst is None else burst
    each, rest = divmod(whole, shard.of)
    return rate / shard.of, max(1, each + (shard.number <= rest))
