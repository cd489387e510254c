"""Settlement: each event leaves the delivery once, with exactly one result.

Rules kept here:

1. An event leaves the lanes and the budget together, with exactly one result.
2. All counters are correct before a result is passed on, because its receiver may stop the load.
3. An event in parts stays in the budget as one event. It gets its result when its last part is settled.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loader.delivery.entry import Entry, EventInParts
from loader.delivery.interfaces import PartLog, Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.outcomes.bisection import Bisection
from loader.delivery.outcomes.retry import given_up
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError
from loader.events.split import whole
from loader.model import EventResult, EventState, Outcome, OutcomeKind, PartResult, PartState

ON_HOLD_CODE = "GroupOnHold"
TOKEN_TOO_OLD_CODE = "TokenTooOld"  # noqa: S105 - an error code
INTERRUPTED_CODE = "Interrupted"
"""Error codes of the loader, in addition to those of the service."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Gives events their results.

    Attributes:
        lanes: The lanes with the events.
        budget: The byte budget of the held events.
        stats: The counters.
        surroundings: Clocks.
        holds_groups: Whether a failed event puts its group on hold.
        on_result: Receiver of the results.
        part_log: Durable log of the parts of divided events, or None if no event may be divided.
        stop_with: Called with the error that stops the load.
    """

    lanes: Lanes
    budget: ByteBudget
    stats: DeliveryStats
    surroundings: Surroundings
    holds_groups: bool
    on_result: Callable[[EventResult], None]
    part_log: PartLog | None
    stop_with: Callable[[LoaderError], None]

    def accept(self, entry: Entry, outcome: Outcome, now: float) -> None:
        """Settle a whole event that was accepted at ``now`` (monotonic seconds)."""
        # Fast path of almost all events: no decision is needed and no group is put on hold.
        self.lanes.release(entry)
        self.budget.release(entry.event)
        self.stats.deliveries.add(now - entry.handed_over_at)
        self._report(entry.accepted(outcome))

    def finish(self, entry: Entry, state: EventState, code: str = "", message: str = "") -> None:
        """Settle an event or a part in its final state.

        Args:
            entry: The event or part, taken from its lane.
            state: Its final state.
            code: Error code, used if the service gave none.
            message: Message, used if the service gave none.
        """
        parked = self._remove(entry, state)
        result = entry.result(state, code=code, message=message)
        if entry.part_of is None:
            self.budget.release(entry.event)
            self._report(result)
        else:
            parked = self._finish_part(entry.part_of.bisection, entry, result, parked)
        self._leave_out_all(parked)

    async def divide(self, entry: Entry) -> None:
        """Replace a refused event, or a refused part, by its halves."""
        assert self.part_log is not None
        assert entry.outcome is not None
        member, outcome = entry.part_of, entry.outcome
        bisection = Bisection(entry.event) if member is None else member.bisection
        part = whole(entry.event) if member is None else member.part
        divided = PartResult(part, PartState.DIVIDED, entry.event.token, None, outcome.code, outcome.message)
        try:
            await self.part_log.divided(bisection.event, divided)
        except LoaderError as error:
            self.lanes.retry(entry, self.surroundings.monotonic())
            self.stop_with(error)
            return
        self.lanes.divide(entry, bisection.divide(entry), self.surroundings.monotonic())

    def go_on(self, entry: Entry) -> None:
        """Replace an event that an earlier run divided by its remaining parts."""
        bisection = Bisection(entry.event)
        left = bisection.go_on(entry, entry.known_parts)
        if left:
            self.lanes.divide(entry, left, self.surroundings.monotonic())
            return
        # The earlier run sent the last part but ended before it recorded the result of the event.
        parked = self._remove(entry, bisection.result().state)
        self._conclude_parts(bisection)
        self._leave_out_all(parked)

    def give_up(self, entry: Entry) -> None:
        """Settle an event that was taken from its lane but whose token is too old for an attempt."""
        message = "its clientToken is too old for another attempt"
        self.finish(entry, given_up(entry).state, TOKEN_TOO_OLD_CODE, message)

    def leave_out(self, entry: Entry) -> None:
        """Settle an event without an attempt, because its group is on hold."""
        state = EventState.IN_DOUBT if entry.may_have_been_accepted else EventState.UNPROCESSED
        message = "an earlier event of its group was not accepted"
        self._report(entry.result(state, code=ON_HOLD_CODE, message=message))

    def conclude(self, reason: str) -> None:
        """Settle the events in doubt after a stop. Events that cannot have been accepted get no result."""
        interrupted = Outcome(
            OutcomeKind.TRANSIENT, code=INTERRUPTED_CODE, message=reason, may_have_been_accepted=True
        )
        in_parts: dict[int, EventInParts] = {}
        for entry in self.lanes.remaining():
            if entry.unanswered:
                entry.note(interrupted)
            if entry.part_of is not None:
                bisection = entry.part_of.bisection
                bisection.leave_out(entry, INTERRUPTED_CODE, reason)
                in_parts[id(bisection)] = bisection
            elif entry.may_have_been_accepted:
                self._report(entry.result(EventState.IN_DOUBT, code=INTERRUPTED_CODE, message=reason))
        for bisection in in_parts.values():
            if bisection.is_in_doubt:
                self._report(bisection.result())

    def _remove(self, entry: Entry, state: EventState) -> list[Entry]:
        """Remove an entry from its lane. Return the entries after it that must not be sent."""
        if self.holds_groups and state is not EventState.ACCEPTED:
            return self.lanes.hold(entry)
        self.lanes.release(entry)
        return []

    def _leave_out_all(self, parked: Iterable[Entry]) -> None:
        for later in parked:
            self.budget.release(later.event)
            self.leave_out(later)

    def _finish_part(
        self, bisection: EventInParts, entry: Entry, result: EventResult, parked: list[Entry]
    ) -> list[Entry]:
        """Settle a part, and the event after its last part. Return the parked entries after the event."""
        settled = bisection.settle(entry, result)
        for later in parked:
            if _belongs_to(later, bisection):
                bisection.leave_out(later, ON_HOLD_CODE, "an earlier part of the event was not accepted")
        if settled is not None and self.part_log is not None:
            try:
                self.part_log.settled(bisection.event, settled)
            except LoaderError as error:
                self.stop_with(error)
        if bisection.is_over:
            self._conclude_parts(bisection)
        return [later for later in parked if not _belongs_to(later, bisection)]

    def _conclude_parts(self, bisection: EventInParts) -> None:
        self.budget.release(bisection.event)
        self._report(bisection.result())

    def _report(self, result: EventResult) -> None:
        self.stats.results[result.state] += 1
        try:
            self.on_result(result)
        except LoaderError as error:
            self.stop_with(error)


def _belongs_to(entry: Entry, bisection: EventInParts) -> bool:
    return entry.part_of is not None and entry.part_of.bisection is bisection
