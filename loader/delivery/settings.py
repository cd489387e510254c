"""Settings of a delivery."""

import math
from dataclasses import dataclass, field

from loader.delivery.limits.circuit_breaker import BreakerSettings
from loader.job import Job, OnFailure
from loader.model import Operation

_BURST_SECONDS = 0.1
"""Capacity of the ceiling's bucket without --burst, in seconds of the rate. Timers are late by milliseconds,
and a bucket of one token would lose the tokens of that time."""


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
        may_repeat: Whether a repeated record is harmless. It is not with APPEND.
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

    @classmethod
    def of(cls, job: Job) -> "DeliverySettings":
        """Return the delivery settings of a job."""
        return cls(
            rate=job.rate,
            burst=job.burst,
            max_held_bytes=job.max_held_bytes,
            on_failure=job.on_failure,
            drain_seconds=job.drain_seconds,
            give_up_seconds=job.give_up_after.seconds,
            may_repeat=job.operation is not Operation.APPEND,
        )

    @property
    def burst_events(self) -> int:
        """Capacity of the ceiling's bucket in events, given or derived."""
        if self.burst is not None:
            return self.burst
        return max(1, math.ceil((self.rate or 0.0) * _BURST_SECONDS))
