"""Handling of outcomes: it updates the limits, advances the lane and settles the event.

Rules kept here:

1. The governor, the in-flight cap and the breakers receive every answer exactly once.
2. An event leaves the lanes and the budget together, with exactly one result.
3. All counters are correct before a result is passed on, because its receiver may stop the load.
4. An event in parts stays in the budget as one event. It gets its result when its last part is settled.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from loader.delivery.entry import Entry, EventInParts
from loader.delivery.interfaces import AttemptClient, Surroundings
from loader.delivery.limits.admission import Admission
from loader.delivery.outcomes.bisection import TOO_LARGE, Bisection, PartLog, calls_for_division
from loader.delivery.outcomes.content_refusals import ContentRefusals
from loader.delivery.outcomes.retry import Finish, Remedy, Stop, StopCause, decide, given_up
from loader.delivery.outcomes.stop_errors import given_up_waiting, service_stopped
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError
from loader.events.split import whole
from loader.model import EventResult, EventState, Outcome, OutcomeKind, PartResult, PartState
from loader.service.way_errors import way_closed
from loader.service.way_faults import way_fault

ON_HOLD_CODE = "GroupOnHold"
TOKEN_TOO_OLD_CODE = "TokenTooOld"  # noqa: S105 - an error code
INTERRUPTED_CODE = "Interrupted"
"""Error codes of the loader, in addition to those of the service."""


@dataclass(frozen=True, slots=True)
class OutcomeHandler:
    """Settles attempts and events.

    Attributes:
        admission: Admission control, with the lanes and limits.
        stats: The counters.
        client: The client; its clock is adjusted on SKEWED.
        surroundings: Clocks and random numbers.
        holds_groups: Whether a failed event puts its group on hold.
        on_result: Receiver of the results.
        part_log: Durable log of the parts of divided events, or None if no event may be divided.
        stop_with: Called with the error that stops the load.
        clock_was_set: Called after the clock is adjusted to the service's time.
        content_refusals: Detection of events that something on the way refuses for their content.
    """

    admission: Admission
    stats: DeliveryStats
    client: AttemptClient
    surroundings: Surroundings
    holds_groups: bool
    on_result: Callable[[EventResult], None]
    part_log: PartLog | None
    stop_with: Callable[[LoaderError], None]
    clock_was_set: Callable[[], None]
    content_refusals: ContentRefusals = field(default_factory=ContentRefusals)

    def settle(self, entry: Entry, outcome: Outcome) -> Remedy:
        """Record the outcome of an attempt.

        Returns:
            The remedy that the caller must apply before further attempts. The clock is already adjusted. An
            event that must be divided stays in flight until ``divide`` is done.
        """
        now = self.surroundings.monotonic()
        self._tell_limits(entry, outcome, now)
        if outcome.kind is OutcomeKind.ACCEPTED and entry.bisection is None:
            # Fast path of almost all events: no decision is needed and no group is put on hold.
            self.admission.lanes.release(entry)
            self.admission.budget.release(entry.event)
            self.stats.deliveries.add(now - entry.handed_over_at)
            self._hand_on(entry.accepted(outcome))
            return Remedy.NONE
        if outcome.kind is OutcomeKind.BLOCKED:
            outcome = self._judged(entry, outcome, now)
        entry.note(outcome)
        if self.part_log is not None and calls_for_division(entry, outcome):
            return Remedy.DIVIDE
        decision = decide(
            outcome, entry, now=now, wall_now=self.surroundings.wall(), jitter=self.surroundings.jitter()
        )
        if isinstance(decision, Finish):
            self._finish(entry, decision.state)
            return Remedy.NONE
        if isinstance(decision, Stop):
            self.admission.lanes.retry(entry, now)
            self.stop_with(service_stopped(decision.cause, outcome))
            return Remedy.NONE
        if decision.remedy is Remedy.ADJUST_CLOCK and outcome.server_time is not None:
            self.client.adjust_clock(outcome.server_time)
            if not entry.may_have_been_accepted and entry.bisection is None:
                self.admission.lanes.take_back_mark(entry)
            self.clock_was_set()
        self.admission.lanes.retry(entry, decision.due)
        return decision.remedy

    async def divide(self, entry: Entry) -> None:
        """Replace a refused event, or a refused part, by its halves."""
        assert self.part_log is not None
        assert entry.outcome is not None
        bisection = entry.bisection or Bisection(entry.event)
        part, outcome = entry.part or whole(entry.event), entry.outcome
        divided = PartResult(part, PartState.DIVIDED, entry.event.token, None, outcome.code, outcome.message)
        try:
            await self.part_log.divided(bisection.event, divided)
        except LoaderError as error:
            self.admission.lanes.retry(entry, self.surroundings.monotonic())
            self.stop_with(error)
            return
        self.admission.lanes.divide(entry, bisection.divide(entry), self.surroundings.monotonic())

    def go_on(self, entry: Entry) -> None:
        """Replace an event that an earlier run divided by its remaining parts."""
        bisection = Bisection(entry.event)
        left = bisection.go_on(entry, entry.known_parts)
        if left:
            self.admission.lanes.divide(entry, left, self.surroundings.monotonic())
            return
        # The earlier run sent the last part but ended before it recorded the result of the event.
        parked = self._let_go(entry, bisection.result().state)
        self._conclude_parts(bisection)
        self._leave_out_all(parked)

    def give_up(self, entry: Entry) -> None:
        """Settle an event that was taken from its lane but whose token is too old for an attempt."""
        message = "the age of its clientToken allows no further attempt"
        self._finish(entry, given_up(entry).state, TOKEN_TOO_OLD_CODE, message)

    def leave_out(self, entry: Entry) -> None:
        """Settle an event without an attempt, because its group is on hold."""
        state = EventState.IN_DOUBT if entry.may_have_been_accepted else EventState.UNPROCESSED
        message = "an earlier event of its group was not accepted"
        self._hand_on(entry.result(state, code=ON_HOLD_CODE, message=message))

    def conclude(self, reason: str) -> None:
        """Settle the events in doubt after a stop. Events that cannot have been accepted get no result."""
        interrupted = Outcome(
            OutcomeKind.TRANSIENT, code=INTERRUPTED_CODE, message=reason, may_have_been_accepted=True
        )
        in_parts: dict[int, EventInParts] = {}
        for entry in self.admission.lanes.remaining():
            if entry.unanswered:
                entry.note(interrupted)
            if entry.bisection is not None:
                entry.bisection.leave_out(entry, INTERRUPTED_CODE, reason)
                in_parts[id(entry.bisection)] = entry.bisection
            elif entry.may_have_been_accepted:
                self._hand_on(entry.result(EventState.IN_DOUBT, code=INTERRUPTED_CODE, message=reason))
        for bisection in in_parts.values():
            if bisection.is_in_doubt:
                self._hand_on(bisection.result())

    def _tell_limits(self, entry: Entry, outcome: Outcome, now: float) -> None:
        admission, kind = self.admission, outcome.kind
        self.stats.round_trips.add(now - entry.started_at)
        admission.cap.overdue.ended(entry.epoch)
        if kind is OutcomeKind.ACCEPTED:
            governor = admission.governor
            governor.accepted(now, entry.epoch)
            admission.cap.succeeded(now, now - entry.started_at, governor.rate)
        elif kind is OutcomeKind.THROTTLED:
            self.stats.throttled += 1
            admission.governor.throttled(now, entry.epoch, outcome.retry_after_seconds)
        else:
            admission.governor.answered(now, entry.epoch)
            if kind is OutcomeKind.TRANSIENT or kind is OutcomeKind.BLOCKED:
                admission.cap.troubled(now, entry.started_at)
        if admission.breaker.is_open or kind is OutcomeKind.QUOTA:
            admission.breaker.answered(kind, now, entry.started_at)
            if admission.breaker.is_exhausted:
                self.stop_with(service_stopped(StopCause.QUOTA, outcome))
        self._tell_way(entry, outcome, now)

    def _tell_way(self, entry: Entry, outcome: Outcome, now: float) -> None:
        way, troubles = self.admission.way, self.stats.troubles
        if outcome.kind is OutcomeKind.ACCEPTED:
            self.content_refusals.accepted(entry.event.token)
            if way.is_calm and troubles.is_over:
                return
        troubles.note(outcome, now, self.surroundings.wall())
        is_too_large = outcome.status == TOO_LARGE and outcome.kind is OutcomeKind.BLOCKED
        if is_too_large and len(entry.event.rows) > 1 and not way.is_open:
            return  # a smaller event may pass
        if way.answered(outcome, entry.event.token, now, entry.started_at):
            self.stop_with(way_closed(outcome, way.events))
        self.look_at_troubles()

    def _judged(self, entry: Entry, outcome: Outcome, now: float) -> Outcome:
        """Return the outcome of a refusal on the way, as REJECTED if the event's content is the cause."""
        fault = way_fault(outcome.code)
        if fault is None or not fault.may_be_content:
            return outcome
        if not self.content_refusals.is_verdict(entry.event.token, now):
            return outcome
        return replace(outcome, kind=OutcomeKind.REJECTED)

    def look_at_troubles(self) -> None:
        """Update the wait time, and stop the load if no event was accepted for too long."""
        troubles = self.stats.troubles
        if troubles.is_over:
            return
        troubles.look(self.surroundings.monotonic())
        if troubles.should_give_up and self.admission.lanes:
            self.stop_with(given_up_waiting(troubles))

    def _finish(self, entry: Entry, state: EventState, code: str = "", message: str = "") -> None:
        parked = self._let_go(entry, state)
        result = entry.result(state, code=code, message=message)
        if entry.bisection is None:
            self.admission.budget.release(entry.event)
            self._hand_on(result)
        else:
            parked = self._finish_part(entry.bisection, entry, result, parked)
        self._leave_out_all(parked)

    def _let_go(self, entry: Entry, state: EventState) -> list[Entry]:
        """Remove an entry from its lane; return the entries after it that must not be sent."""
        if self.holds_groups and state is not EventState.ACCEPTED:
            return self.admission.lanes.hold(entry)
        self.admission.lanes.release(entry)
        return []

    def _leave_out_all(self, parked: Iterable[Entry]) -> None:
        for later in parked:
            self.admission.budget.release(later.event)
            self.leave_out(later)

    def _finish_part(
        self, bisection: EventInParts, entry: Entry, result: EventResult, parked: list[Entry]
    ) -> list[Entry]:
        """Settle a part, and the event with its last part; return the parked entries after the event."""
        settled = bisection.settle(entry, result)
        for later in parked:
            if later.bisection is bisection:
                bisection.leave_out(later, ON_HOLD_CODE, "an earlier part of the event was not accepted")
        if settled is not None and self.part_log is not None:
            try:
                self.part_log.settled(bisection.event, settled)
            except LoaderError as error:
                self.stop_with(error)
        if bisection.is_over:
            self._conclude_parts(bisection)
        return [later for later in parked if later.bisection is not bisection]

    def _conclude_parts(self, bisection: EventInParts) -> None:
        self.admission.budget.release(bisection.event)
        self._hand_on(bisection.result())

    def _hand_on(self, result: EventResult) -> None:
        self.stats.results[result.state] += 1
        try:
            self.on_result(result)
        except LoaderError as error:
            self.stop_with(error)
