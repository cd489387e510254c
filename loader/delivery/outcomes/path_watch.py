"""Watch the path to the service: faults of attempts, and refusals that do not come from the service.

Rules kept here:

1. Every outcome is reported once, before the decision about its event.
2. The load stops here in two cases: something on the path refuses all requests, or no event was accepted for
   too long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from loader.delivery.entry import Entry
from loader.delivery.interfaces import Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.path_breaker import PathBreaker
from loader.delivery.outcomes.bisection import TOO_LARGE
from loader.delivery.outcomes.content_refusals import ContentRefusals
from loader.delivery.outcomes.stop_errors import given_up_waiting
from loader.delivery.troubles import Troubles
from loader.errors import LoaderError
from loader.model import Outcome, OutcomeKind
from loader.service.path_errors import path_closed
from loader.service.path_faults import path_fault


@dataclass(frozen=True, slots=True)
class PathWatch:
    """The circuit breaker of the path, the troubles of the run and the proofs of content filters.

    Attributes:
        breaker: Pauses all attempts while something on the path refuses all requests.
        troubles: Faults of attempts.
        lanes: The lanes. A load with empty lanes does not give up.
        surroundings: Clocks.
        stop_with: Called with the error that stops the load.
        content_refusals: Detection of events that something on the path refuses for their content.
    """

    breaker: PathBreaker
    troubles: Troubles
    lanes: Lanes
    surroundings: Surroundings
    stop_with: Callable[[LoaderError], None]
    content_refusals: ContentRefusals = field(default_factory=ContentRefusals)

    def note(self, entry: Entry, outcome: Outcome, now: float) -> None:
        """Record the outcome of an attempt at ``now`` (monotonic seconds)."""
        if outcome.kind is OutcomeKind.ACCEPTED:
            self.content_refusals.accepted(entry.event.token)
            if self.breaker.is_calm and self.troubles.is_over:
                return
        self.troubles.note(outcome, now, self.surroundings.wall())
        is_too_large = outcome.status == TOO_LARGE and outcome.kind is OutcomeKind.BLOCKED
        if is_too_large and len(entry.event.rows) > 1 and not self.breaker.is_open:
            return  # a smaller event may pass
        if self.breaker.answered(outcome, entry.event.token, now, entry.started_at):
            self.stop_with(path_closed(outcome, self.breaker.events))
        self.look()

    def judged(self, entry: Entry, outcome: Outcome, now: float) -> Outcome:
        """Return the outcome of a refusal on the path, as REJECTED if the event's content is the cause."""
        fault = path_fault(outcome.code)
        if fault is None or not fault.may_be_content:
            return outcome
        if not self.content_refusals.is_verdict(entry.event.token, now):
            return outcome
        return replace(outcome, kind=OutcomeKind.REJECTED)

    def look(self) -> None:
        """Update the wait time, and stop the load if no event was accepted for too long."""
        if self.troubles.is_over:
            return
        self.troubles.look(self.surroundings.monotonic())
        if self.troubles.should_give_up and self.lanes:
            self.stop_with(given_up_waiting(self.troubles))
