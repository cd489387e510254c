"""Live statistics of a delivery and its limiting factor, for the progress display and the summary."""

from loader.delivery.lanes import Lanes
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import LimitingFactor, Stalls
from loader.delivery.rate.controller import RateController
from loader.delivery.troubles import Troubles
from loader.latency import Latencies
from loader.model import EventState


class DeliveryStats:
    """Counters of one delivery. Only attempts, the outcome handler and settlement write them.

    Attributes:
        troubles: Faults of attempts.
        attempts: Number of requests.
        retried: Number of requests after the first one of an event.
        throttled: Number of requests that the service throttled.
        unknown_ends: Number of events that ended after too many unknown answers.
        round_trips: Latencies from the start to the end of each ended attempt.
        deliveries: Latencies from the offer of an event to its acceptance, including waits and retries. They
            exclude divided events.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        budget: ByteBudget,
        governor: RateController,
        cap: InFlightCap,
        stalls: Stalls,
        troubles: Troubles,
    ) -> None:
        self.troubles = troubles
        self._lanes = lanes
        self._budget = budget
        self._governor = governor
        self._cap = cap
        self._stalls = stalls
        self.attempts = 0
        self.retried = 0
        self.throttled = 0
        self.unknown_ends = 0
        self.round_trips = Latencies()
        self.deliveries = Latencies()
        self.results = dict.fromkeys(EventState, 0)

    @property
    def accepted(self) -> int:
        """Number of events that the service accepted."""
        return self.results[EventState.ACCEPTED]

    @property
    def failed(self) -> int:
        """Number of events recorded as failed."""
        return self.results[EventState.FAILED]

    @property
    def in_doubt(self) -> int:
        """Number of events that may have been accepted without a receipt."""
        return self.results[EventState.IN_DOUBT]

    @property
    def in_flight(self) -> int:
        """Number of attempts in flight."""
        return self._lanes.in_flight

    @property
    def in_flight_cap(self) -> int:
        """Maximum number of attempts in flight."""
        return self._cap.limit

    @property
    def held_bytes(self) -> int:
        """Memory of the held events in bytes; ``max_held_bytes`` limits it."""
        return self._budget.held_bytes

    @property
    def rate(self) -> float:
        """Events per second that the governor currently allows."""
        return self._governor.rate

    def limiting_factor(self, now: float) -> LimitingFactor | None:
        """Return the recent limiting factor at ``now`` (monotonic seconds), or None if there is none."""
        return self._stalls.limiting_factor(now)
