"""Bisection: it finds the refused records of an event by sending the event in ever smaller parts.

    whole event   refused: divide into halves
    a half        accepted, or refused: divide into halves
    ...
    one record    accepted, or refused: only this record failed

The parts replace the event at the head of its lane. The order of the group therefore stays, and one part at a
time is in flight. The event gets one result after all its parts are settled.

Rules kept here:

1. Only a refusal of the content divides an event. An event that may have been accepted (a timeout, a 5xx, a
   lost answer) is never divided, because the service may have the whole event.
2. The division of a part is durable before one of its halves is sent, so that no later run sends the whole
   part.
3. If the service refuses every part, the remaining parts are sent once and not divided further.
"""

from collections.abc import Iterable, Iterator, Sequence

from loader.delivery.entry import Entry, PartOf
from loader.events.split import RecordSpan, halves, part_event, record_spans, whole
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, Part, PartResult, PartState

CONTENT_CODES = frozenset({"ValidationException", "ValidationError"})
"""Codes that refuse the content of an event. The service may accept other content."""

TOO_LARGE = 413
"""HTTP status: the request is too large for the service or a proxy. Half of it may be small enough."""

HOPELESS_REFUSALS = 32
"""If this many records of an event are refused and none is accepted, the whole event is considered wrong (its
type, its dataset, a column). A division down to each record would cost two requests per record."""


def calls_for_division(entry: Entry, outcome: Outcome) -> bool:
    """Return whether the outcome of an attempt requires a division of its event or part."""
    is_of_content = outcome.kind is OutcomeKind.REJECTED and (
        outcome.code in CONTENT_CODES or outcome.status == TOO_LARGE or not outcome.of_service
    )
    is_too_large = outcome.kind is OutcomeKind.BLOCKED and outcome.status == TOO_LARGE
    return (
        (is_of_content or is_too_large)
        and len(entry.event.rows) > 1
        and entry.is_divisible
        and (entry.part_of is None or entry.part_of.bisection.is_worth_dividing)
    )


class Bisection:
    """An event in parts. Each part is an entry in the lane, in the order of its records.

    Args:
        event: The planned event.

    Attributes:
        event: The planned event.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self._data = event.data
        self._places: Sequence[RecordSpan] = record_spans(self._data)
        if len(self._places) != len(event.rows):
            raise ValueError("the event must have as many records as rows")
        self._open = 0
        self._attempts = 0
        self._first_attempt_at: float | None = None
        self._last_attempt_at: float | None = None
        self._receipts: dict[Part, str | None] = {}
        self._refused: dict[Part, tuple[str, str]] = {}
        self._in_doubt: dict[Part, EventResult] = {}

    @property
    def is_worth_dividing(self) -> bool:
        """Whether the service may still accept a record, so that further division is useful."""
        refused = sum(part.count == 1 for part in self._refused)
        return bool(self._receipts) or refused < HOPELESS_REFUSALS

    @property
    def is_over(self) -> bool:
        """Whether every part is settled."""
        return self._open == 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether a part may have been accepted without a receipt."""
        return bool(self._in_doubt)

    def divide(self, entry: Entry) -> list[Entry]:
        """Return the halves of a refused entry, which is the whole event or a part of it."""
        part = whole(self.event) if entry.part_of is None else entry.part_of.part
        self._open += 2 - (entry.part_of is not None)
        self._count_attempts(entry)
        return [Entry(self._event(half), part_of=PartOf(self, half)) for half in halves(part)]

    def go_on(self, entry: Entry, known: Iterable[PartResult]) -> list[Entry]:
        """Restore the results of earlier runs, and return the remaining parts in order.

        Args:
            entry: The event. If it is in doubt, each remaining part is in doubt.
            known: Results of the parts, excluding parts to resend.
        """
        results = {result.part: result for result in known}
        self._count_attempts(entry)
        leaves = self._leaves(whole(self.event), results)
        left = [
            Entry(self._event(part), entry.first_attempt_at, doubt=entry.doubt, part_of=PartOf(self, part))
            for part in leaves
        ]
        self._open = len(left)
        return left

    def settle(self, entry: Entry, result: EventResult) -> PartResult | None:
        """Record the result of a part; return the result to log, or None if the part is in doubt."""
        assert entry.part_of is not None
        part, state = entry.part_of.part, result.state
        self._open -= 1
        self._count_attempts(entry)
        if state is EventState.IN_DOUBT:
            self._in_doubt[part] = result
            return None
        accepted = state is EventState.ACCEPTED
        if accepted:
            self._receipts[part] = result.event_id
        else:
            self._refused[part] = (result.code, result.message)
        return PartResult(
            part,
            PartState.ACCEPTED if accepted else PartState.FAILED,
            entry.event.token,
            result.event_id,
            result.code,
            result.message,
        )

    def leave_out(self, entry: Entry, code: str, message: str) -> None:
        """Record that a part is not sent again. It is in doubt if it may have been accepted."""
        assert entry.part_of is not None
        self._open -= 1
        self._count_attempts(entry)
        if entry.may_have_been_accepted:
            doubt = entry.result(EventState.IN_DOUBT, code=code, message=message)
            self._in_doubt[entry.part_of.part] = doubt

    def result(self) -> EventResult:
        """Return the result of the event: in doubt if any part is, else failed if any part is."""
        first_attempt_at, event_id, code, message = self._first_attempt_at, None, "", ""
        if self._in_doubt:
            state, doubts = EventState.IN_DOUBT, list(self._in_doubt.values())
            code, message = doubts[0].code, doubts[0].message
            # The age of the doubt matters, not the age of the event.
            first_attempt_at = min((doubt.first_attempt_at or 0.0 for doubt in doubts), default=None)
        elif self._refused:
            state = EventState.FAILED
            code, message = self._refused[min(self._refused, key=lambda part: part.first)]
        else:
            # The whole event has no receipt of its own, so it gets the receipt of its last part.
            state = EventState.ACCEPTED
            event_id = self._receipts[max(self._receipts, key=lambda part: part.first)]
        return EventResult(
            self.event,
            state,
            event_id,
            code,
            message,
            self._attempts,
            first_attempt_at,
            self._last_attempt_at,
            in_parts=True,
            left_out=None if state is EventState.ACCEPTED else self._left_out(),
        )

    def _event(self, part: Part) -> Event:
        return part_event(self.event, part, self._data, self._places)

    def _leaves(self, part: Part, results: dict[Part, PartResult]) -> Iterator[Part]:
        """Yield the unsent parts within a part."""
        known = results.get(part)
        if known is None:
            yield part
        elif known.state is PartState.DIVIDED:
            for half in halves(part):
                yield from self._leaves(half, results)
        elif known.state is PartState.ACCEPTED:
            self._receipts[part] = known.event_id
        else:
            self._refused[part] = (known.code, known.message)

    def _left_out(self) -> list[int]:
        accepted = {at for part in self._receipts for at in range(part.first, part.first + part.count)}
        return [at for at in range(len(self.event.rows)) if at not in accepted]

    def _count_attempts(self, entry: Entry) -> None:
        self._attempts += entry.attempts
        times = [self._first_attempt_at, entry.first_attempt_at]
        self._first_attempt_at = min((at for at in times if at is not None), default=None)
        times = [self._last_attempt_at, entry.last_attempt_at]
        self._last_attempt_at = max((at for at in times if at is not None), default=None)
