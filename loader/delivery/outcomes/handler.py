"""Handle outcomes: update the limits, decide what happens to the event, and apply the decision.

Rule kept here: the governor, the in-flight cap and the breakers receive every answer exactly once, before the
decision about the event.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loader.delivery.entry import Entry
from loader.delivery.interfaces import AttemptClient, Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.outcomes.bisection import calls_for_division
from loader.delivery.outcomes.path_watch import PathWatch
from loader.delivery.outcomes.retry import MOST_UNKNOWN_EVENTS, Finish, Remedy, Stop, StopCause, decide
from loader.delivery.outcomes.settlement import Settlement
from loader.delivery.outcomes.stop_errors import service_stopped
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError
from loader.model import Outcome, OutcomeKind


@dataclass(frozen=True, slots=True)
class OutcomeHandler:
    """Decides what happens to an event after an attempt.

    Attributes:
        lanes: The lanes with the events.
        admission: Admission control, with the limits.
        path_watch: Watches the path to the service.
        settlement: Gives events their results.
        stats: The counters.
        client: The client; its clock is adjusted on SKEWED.
        surroundings: Clocks and random numbers.
        stop_with: Called with the error that stops the load.
        clock_was_set: Called after the clock is adjusted to the service's time.
    """

    lanes: Lanes
    admission: Admission
    path_watch: PathWatch
    settlement: Settlement
    stats: DeliveryStats
    client: AttemptClient
    surroundings: Surroundings
    stop_with: Callable[[LoaderError], None]
    clock_was_set: Callable[[], None]

    def handle(self, entry: Entry, outcome: Outcome) -> Remedy:
        """Record the outcome of an attempt.

        Returns:
            The remedy that the caller must apply before further attempts. The clock is already adjusted. An
            event that must be divided stays in flight until ``Settlement.divide`` is done.
        """
        now = self.surroundings.monotonic()
        self._update_limits(entry, outcome, now)
        if outcome.kind is OutcomeKind.ACCEPTED and entry.part_of is None:
            self.settlement.accept(entry, outcome, now)
            return Remedy.NONE
        if outcome.kind is OutcomeKind.BLOCKED:
            outcome = self.path_watch.judged(entry, outcome, now)
        entry.note(outcome)
        if self.settlement.part_log is not None and calls_for_division(entry, outcome):
            return Remedy.DIVIDE
        return self._apply_decision(entry, outcome, now)

    def _apply_decision(self, entry: Entry, outcome: Outcome, now: float) -> Remedy:
        decision = decide(
            outcome, entry, now=now, wall_now=self.surroundings.wall(), jitter=self.surroundings.jitter()
        )
        if isinstance(decision, Finish) and self._refuses_every_event(outcome):
            decision = Stop(StopCause.UNKNOWN)
        if isinstance(decision, Finish):
            self.settlement.finish(entry, decision.state)
            return Remedy.NONE
        if isinstance(decision, Stop):
            self.lanes.retry(entry, now)
            self.stop_with(service_stopped(decision.cause, outcome))
            return Remedy.NONE
        if decision.remedy is Remedy.ADJUST_CLOCK and outcome.server_time is not None:
            self.client.adjust_clock(outcome.server_time)
            if not entry.may_have_been_accepted and entry.part_of is None:
                self.lanes.take_back_mark(entry)
            self.clock_was_set()
        self.lanes.retry(entry, decision.due)
        return decision.remedy

    def _refuses_every_event(self, outcome: Outcome) -> bool:
        """Return whether the end of an event shows that the service refuses every event."""
        if outcome.kind is not OutcomeKind.UNKNOWN or self.stats.accepted:
            return False
        self.stats.unknown_ends += 1
        return self.stats.unknown_ends > MOST_UNKNOWN_EVENTS

    def _update_limits(self, entry: Entry, outcome: Outcome, now: float) -> None:
        self.stats.round_trips.add(now - entry.started_at)
        if outcome.kind is OutcomeKind.THROTTLED:
            self.stats.throttled += 1
        if self.admission.end(entry, outcome, now):
            self.stop_with(service_stopped(StopCause.QUOTA, outcome))
        self.path_watch.note(entry, outcome, now)
