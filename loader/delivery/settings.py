"""The settings of a delivery."""

import math
from dataclasses import dataclass, field

from loader.delivery.limits.circuit_breaker import BreakerSettings
from loader.job import Job, OnFailure
from loader.model import Operation

_BURST_SECONDS = 0.1
"""Without --burst the ceiling's bucket holds this much of the rate: timers are late by milliseconds, and a
bucket of one token would lose them all."""


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How events are delivered. How many may be in flight is the in-flight cap's own setting.

    Attributes:
        rate: The user's ceiling in events per second, or None for none.
        burst: Events that may go at once under the ceiling, or None for a tenth of a second's worth.
        max_held_bytes: Most bytes of events held, by more than which only the last event may go over.
        on_failure: What a failed event does to the later events of its group.
        drain_seconds: How long a stopping load waits for the answers to what is in flight.
        breaker: How patiently a used-up quota is waited for.
        give_up_seconds: How long the load goes on without a single acceptance.
        may_repeat: Whether a record that is sent twice does no harm (it does with APPEND).
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
        """Return the settings a job asks for."""
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
        """The size of the ceiling's bucket, given or derived."""
        if self.burst is not None:
            return self.burst
        return max(1, math.ceil((self.rate or 0.0) * _BURST_SECONDS))
