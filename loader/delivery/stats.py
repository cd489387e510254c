"""What a delivery has done so far and what holds it back: live numbers for progress and summary."""

from loader.delivery.lanes import Lanes
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import LimitingFactor, Stalls
from loader.delivery.rate.governor import Governor
from loader.delivery.troubles import Troubles
from loader.latency import Latencies
from loader.model import EventState


class DeliveryStats:
    """Counters of one delivery; the dispatcher counts, everyone else reads.

    Attributes:
        troubles: What goes wrong with attempts.
        attempts: Requests made.
        retried: Requests made beyond the first for an event.
        throttled: Requests the service throttled.
        round_trips: From the start of an attempt to its end, for every attempt that ended.
        deliveries: From the hand-over of an event to its acceptance, with all waits and retries. Events that
            were divided are not in it.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        budget: ByteBudget,
        governor: Governor,
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
        self.round_trips = Latencies()
        self.deliveries = Latencies()
        self.results = dict.fromkeys(EventState, 0)

    @property
    def accepted(self) -> int:
        """Events the service accepted."""
        return self.results[EventState.ACCEPTED]

    @property
    def failed(self) -> int:
        """Events recorded as failed."""
        return self.results[EventState.FAILED]

    @property
    def in_doubt(self) -> int:
        """Events that may have been accepted, and nobody knows."""
        return self.results[EventState.IN_DOUBT]

    @property
    def unprocessed(self) -> int:
        """Events left out because their group is on hold."""
        return self.results[EventState.UNPROCESSED]

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return self._lanes.in_flight

    @property
    def in_flight_cap(self) -> int:
        """How many attempts may be under way."""
        return self._cap.limit

    @property
    def waiting(self) -> int:
        """Events held that are not in flight: queued behind others, or waiting to be retried."""
        return len(self._lanes) - self._lanes.in_flight

    @property
    def held_bytes(self) -> int:
        """Memory of the events held, against ``max_held_bytes``."""
        return self._budget.held_bytes

    @property
    def rate(self) -> float:
        """Events per second that the governor allows now."""
        return self._governor.rate

    def limiting_factor(self, now: float) -> LimitingFactor | None:
        """Return what held the load back lately, as of ``now`` (monotonic seconds); None if nothing did."""
        return self._stalls.limiting_factor(now)
