"""Admission control: it decides whether an attempt may start now, and if not, why and how long it waits.

Rules kept here:

1. One function checks every condition at one instant: breakers, lanes, in-flight cap, governor, ceiling. An
   attempt takes its tokens last, after every other condition is met.
2. ``wait_seconds`` is the time after which the decision may change without an external event. The caller asks
   again after any other change (an offer, an answer, a stop).
"""

import math
from dataclasses import dataclass

from loader.delivery.entry import Entry
from loader.delivery.lanes import Lanes
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.circuit_breaker import QuotaBreaker
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import LimitingFactor, Stalls
from loader.delivery.limits.path_breaker import PathBreaker
from loader.delivery.limits.user_ceiling import Ceiling
from loader.delivery.rate.controller import RateController
from loader.model import Outcome, OutcomeKind


@dataclass(slots=True)
class Admission:
    """The gate that every attempt passes, including retries.

    Attributes:
        lanes: Source of the events.
        budget: Byte budget. If it is full while no event is ready, the limiting factor is memory and not the
            reader.
        breaker: Pauses all attempts on 402.
        path: Pauses all attempts while something on the path to the service refuses all requests.
        cap: Maximum number of attempts in flight.
        governor: The rate that the service allows.
        ceiling: The rate that the user allows, or None.
        stalls: Records the reasons for refused admissions.
        is_shut: Whether no attempt may start, because the load stops or credentials are being refreshed.
        has_stopped: Whether the load stops.
        wait_seconds: Seconds after a refusal until the decision can change by itself; infinite if it cannot.
    """

    lanes: Lanes
    budget: ByteBudget
    breaker: QuotaBreaker
    path: PathBreaker
    cap: InFlightCap
    governor: RateController
    ceiling: Ceiling | None
    stalls: Stalls
    is_shut: bool = False
    has_stopped: bool = False
    wait_seconds: float = math.inf

    def allows(self, now: float) -> bool:
        """Return whether an attempt may start at ``now`` (monotonic seconds)."""
        # One function, because it runs before every attempt and a call costs as much as a condition.
        if (self.is_shut or self.breaker.is_open or self.path.is_open) and not self._may_probe(now):
            return False
        if not self.lanes.has_next(now) or self.lanes.in_flight >= self.cap.limit:
            return self._refuse_without_event(now)
        if (wait := self.governor.wait_seconds(now)) > 0:
            cause = LimitingFactor.LEARNING if self.governor.is_learning else LimitingFactor.RATE
            return self._refuse(cause, wait, now)
        if self.ceiling is not None and (wait := self.ceiling.wait_seconds(now)) > 0:
            return self._refuse(LimitingFactor.CEILING, wait, now)
        return True

    def stop(self) -> None:
        """Allow no further attempt."""
        self.is_shut = self.has_stopped = True

    def pause(self) -> None:
        """Allow no attempt until ``resume``."""
        self.is_shut = True

    def resume(self) -> None:
        """End a pause, unless the load stops."""
        self.is_shut = self.has_stopped

    def begin(self, entry: Entry, now: float) -> None:
        """Start an attempt. ``allows`` must have just returned True. The caller pays the ceiling's token."""
        entry.epoch = self.governor.start(now)
        self.cap.overdue.started(entry.epoch)
        entry.started_at = now
        if self.breaker.is_open:
            self.breaker.start()
        if self.path.is_open:
            self.path.start()
        self.stalls.moving(now)

    def end(self, entry: Entry, outcome: Outcome, now: float) -> bool:
        """Report the outcome of an attempt to the governor, the in-flight cap and the quota breaker.

        The circuit breaker of the path (``path``) is not included, because it also judges the event.

        Returns:
            Whether the load must stop, because the quota stayed exceeded for too long.
        """
        kind, cap, governor = outcome.kind, self.cap, self.governor
        cap.overdue.ended(entry.epoch)
        if kind is OutcomeKind.ACCEPTED:
            governor.accepted(now, entry.epoch)
            cap.succeeded(now, now - entry.started_at, governor.rate)
        elif kind is OutcomeKind.THROTTLED:
            governor.throttled(now, entry.epoch, outcome.retry_after_seconds)
        else:
            governor.answered(now, entry.epoch)
            if kind is OutcomeKind.TRANSIENT or kind is OutcomeKind.BLOCKED:
                cap.troubled(now, entry.started_at)
        if self.breaker.is_open or kind is OutcomeKind.QUOTA:
            self.breaker.answered(kind, now, entry.started_at)
            return self.breaker.is_exhausted
        return False

    def withdraw(self, entry: Entry) -> None:
        """Record that an attempt that was started is not sent."""
        self.cap.overdue.ended(entry.epoch)
        self.path.withdrawn()

    def _may_probe(self, now: float) -> bool:
        """Return whether an open breaker allows its probe now; False while admission is shut."""
        if self.is_shut:
            return self._refuse(LimitingFactor.BACKOFF, math.inf, now)
        if self.breaker.is_open and (wait := self.breaker.wait_seconds(now)) > 0:
            return self._refuse(LimitingFactor.QUOTA, wait, now)
        if self.path.is_open and (wait := self.path.wait_seconds(now)) > 0:
            return self._refuse(LimitingFactor.PATH, wait, now)
        return True

    def _refuse_without_event(self, now: float) -> bool:
        """Refuse an attempt because no event is ready, or the in-flight cap is reached."""
        if self.lanes.has_next(now):
            return self._refuse(LimitingFactor.IN_FLIGHT, math.inf, now)
        due = self.lanes.next_due
        return self._refuse(self._why_nothing_is_ready(), math.inf if due is None else due - now, now)

    def _refuse(self, cause: LimitingFactor, wait_seconds: float, now: float) -> bool:
        self.wait_seconds = wait_seconds
        self.stalls.stalled(cause, now)
        return False

    def _why_nothing_is_ready(self) -> LimitingFactor:
        lanes = self.lanes
        if lanes.waiting and not lanes.in_flight:
            return LimitingFactor.BACKOFF
        if lanes.behind:
            return LimitingFactor.LANES
        if not self.budget.has_room:
            return LimitingFactor.MEMORY
        return LimitingFactor.BACKOFF if lanes.waiting else LimitingFactor.READER
