"""What follows from an answer: the limits learn, the lane moves on, the event gets its result.

Rules kept here:

1. Every answer is told to the governor, the in-flight cap and the breaker exactly once.
2. An event leaves the lanes, the budget and this module together, with exactly one result.
3. The books are right before a result is handed on: whoever gets it may stop the load.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loader.delivery.admission import Admission
from loader.delivery.entry import Entry
from loader.delivery.ports import AttemptClient, Surroundings
from loader.delivery.retry import Finish, Remedy, Stop, StopCause, decide, given_up
from loader.delivery.stats import DeliveryStats
from loader.delivery.stops import service_stopped
from loader.errors import LoaderError
from loader.model import EventResult, EventState, Outcome, OutcomeKind

ON_HOLD_CODE = "GroupOnHold"
TOKEN_TOO_OLD_CODE = "TokenTooOld"  # noqa: S105 - an error code
INTERRUPTED_CODE = "Interrupted"
"""Our own codes, beside those of the service."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles attempts and events.

    Attributes:
        admission: The gate, with the lanes and limits behind it.
        stats: The counters.
        client: Whose clock is adjusted on SKEWED.
        surroundings: Clocks and chance.
        holds_groups: Whether a failed event puts its group on hold.
        on_result: Who gets the results.
        stop_with: Called with what stops the load.
    """

    admission: Admission
    stats: DeliveryStats
    client: AttemptClient
    surroundings: Surroundings
    holds_groups: bool
    on_result: Callable[[EventResult], None]
    stop_with: Callable[[LoaderError], None]

    def settle(self, entry: Entry, outcome: Outcome) -> Remedy:
        """Take in the answer to an attempt.

        Returns:
            What the caller has to mend before attempts go on; the clock is adjusted already.
        """
        now = self.surroundings.monotonic()
        self._tell_limits(entry, outcome, now)
        entry.note(outcome)
        if outcome.kind is OutcomeKind.ACCEPTED:  # nearly all are, and there is nothing to decide
            self._finish(entry, EventState.ACCEPTED)
            return Remedy.NONE
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
        self.admission.lanes.retry(entry, decision.due)
        if decision.remedy is Remedy.ADJUST_CLOCK and outcome.server_time is not None:
            self.client.adjust_clock(outcome.server_time)
        return decision.remedy

    def give_up(self, entry: Entry) -> None:
        """Settle an event that was taken but is too old to be attempted again."""
        message = "the age of its clientToken allows no further attempt"
        self._finish(entry, given_up(entry).state, TOKEN_TOO_OLD_CODE, message)

    def leave_out(self, entry: Entry) -> None:
        """Settle an event that is not held any more, because its group is on hold."""
        state = EventState.IN_DOUBT if entry.may_have_been_accepted else EventState.UNPROCESSED
        message = "an earlier event of its group was not accepted"
        self._hand_on(entry.result(state, code=ON_HOLD_CODE, message=message))

    def conclude(self, reason: str) -> None:
        """Settle what is in doubt after a stop; events that were never accepted stay without a result."""
        interrupted = Outcome(
            OutcomeKind.TRANSIENT, code=INTERRUPTED_CODE, message=reason, may_have_been_accepted=True
        )
        for entry in self.admission.lanes.remaining():
            if entry.unanswered:
                entry.note(interrupted)
            if entry.may_have_been_accepted:
                self._hand_on(entry.result(EventState.IN_DOUBT, code=INTERRUPTED_CODE, message=reason))

    def _tell_limits(self, entry: Entry, outcome: Outcome, now: float) -> None:
        admission, kind = self.admission, outcome.kind
        if kind is OutcomeKind.ACCEPTED:
            governor = admission.governor
            governor.accepted(now, entry.epoch)
            admission.cap.succeeded(now, now - entry.started_at, governor.rate)
        elif kind is OutcomeKind.THROTTLED:
            self.stats.throttled += 1
            admission.governor.throttled(now, entry.epoch, outcome.retry_after_seconds)
        else:
            admission.governor.answered(now, entry.epoch)
            if kind is OutcomeKind.TRANSIENT:
                admission.cap.troubled(now, entry.started_at)
        if admission.breaker.is_open or kind is OutcomeKind.QUOTA:
            admission.breaker.answered(kind, now, entry.started_at)
            if admission.breaker.is_exhausted:
                self.stop_with(service_stopped(StopCause.QUOTA, outcome))

    def _finish(self, entry: Entry, state: EventState, code: str = "", message: str = "") -> None:
        lanes, budget = self.admission.lanes, self.admission.budget
        parked: list[Entry] = []
        if self.holds_groups and state is not EventState.ACCEPTED:
            parked = lanes.hold(entry)
        else:
            lanes.release(entry)
        budget.release(entry.event)
        self._hand_on(entry.result(state, code=code, message=message))
        for later in parked:
            budget.release(later.event)
            self.leave_out(later)

    def _hand_on(self, result: EventResult) -> None:
        self.stats.results[result.state] += 1
        try:
            self.on_result(result)
        except LoaderError as error:
            self.stop_with(error)
