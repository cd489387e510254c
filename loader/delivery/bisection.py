"""An event that was refused for some of its records, sent in ever smaller parts until those are found.

    whole event   refused: cut in halves
    a half        accepted, or refused: cut in halves
    ...
    one record    accepted, or refused: it failed, and nothing else did

The parts take the place of the event at the head of its lane, so the order of the group is kept and one of
them is in flight at a time. The event has one result, when all its parts have come to an end.

Rules kept here:

1. Only the refusal of the content divides an event. One that may have been accepted (a timeout, a 5xx, a
   lost answer) is never divided: the service may hold the whole of it.
2. That a part is divided is on the disk before a half of it is sent: no later run sends it whole again.
3. Where nothing but refusals comes, the parts that are left are sent once and not divided any further.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from loader.delivery.entry import Entry
from loader.events.split import Place, halves, part_event, record_places, whole
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, Part, PartResult, PartState

CONTENT_CODES = frozenset({"ValidationException", "ValidationError"})
"""Codes that speak of the content of an event, so that another content may be accepted."""

TOO_LARGE = 413
"""The request is too large for something on its way; half of it may not be."""

HOPELESS_REFUSALS = 32
"""Refused records after which an event none of which was accepted is taken for wrong as a whole (its type,
its dataset, a column). Dividing it down to each record would cost two requests a record."""


class PartLog(Protocol):
    """Whoever writes down what becomes of parts."""

    def settled(self, event: Event, result: PartResult) -> None:
        """Take in that a part of an event was accepted or has failed.

        Raises:
            LoaderError: The load must stop.
        """

    async def divided(self, event: Event, result: PartResult) -> None:
        """Write down that a part of an event is divided; durable on return.

        Raises:
            LoaderError: It cannot be written down. The part must not be divided.
        """


def calls_for_division(entry: Entry, outcome: Outcome) -> bool:
    """Return whether an attempt came to something that its event, or part of one, is divided for."""
    is_of_content = outcome.kind is OutcomeKind.REJECTED and (
        outcome.code in CONTENT_CODES or outcome.status == TOO_LARGE or not outcome.of_service
    )
    is_too_large = outcome.kind is OutcomeKind.BLOCKED and outcome.status == TOO_LARGE
    return (
        (is_of_content or is_too_large)
        and len(entry.event.rows) > 1
        and entry.is_divisible
        and (entry.bisection is None or entry.bisection.has_hope)
    )


class Bisection:
    """An event in parts. Its parts are entries of their own, behind each other in the lane.

    Args:
        event: The planned event.

    Attributes:
        event: The planned event.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self._data = event.data
        self._places: Sequence[Place] = record_places(self._data)
        if len(self._places) != len(event.rows):
            raise ValueError("the event has not as many records as rows")
        self._open = 0
        self._attempts = 0
        self._first_attempt_at: float | None = None
        self._last_attempt_at: float | None = None
        self._receipts: dict[Part, str | None] = {}
        self._refused: dict[Part, tuple[str, str]] = {}
        self._in_doubt: dict[Part, EventResult] = {}

    @property
    def has_hope(self) -> bool:
        """Whether it looks as if some record would be accepted."""
        refused = sum(part.count == 1 for part in self._refused)
        return bool(self._receipts) or refused < HOPELESS_REFUSALS

    @property
    def is_over(self) -> bool:
        """Whether no part is left to be sent."""
        return self._open == 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether a part may have been accepted, without a receipt."""
        return bool(self._in_doubt)

    def divide(self, entry: Entry) -> list[Entry]:
        """Return the halves of an entry (the event as a whole, or a part of it) that was refused."""
        part = entry.part or whole(self.event)
        self._open += 2 - (entry.part is not None)
        self._count_attempts(entry)
        return [self._named(half, Entry(self._event(half))) for half in halves(part)]

    def go_on(self, entry: Entry, known: Iterable[PartResult]) -> list[Entry]:
        """Take up what earlier runs found out, and return the parts that are left, in order.

        Args:
            entry: The event; if it is in doubt, each of the parts that are left is.
            known: What became of parts, but those to be sent again.
        """
        results = {result.part: result for result in known}
        self._count_attempts(entry)
        leaves = self._leaves(whole(self.event), results)
        left = [self._named(part, entry.in_same_doubt(self._event(part))) for part in leaves]
        self._open = len(left)
        return left

    def settle(self, entry: Entry, result: EventResult) -> PartResult | None:
        """Take in how a part ended; return what is to be written down of it."""
        part, state = entry.part, result.state
        assert part is not None
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
        """Take in that a part is not sent any more: it is in doubt, or nothing happened to it."""
        assert entry.part is not None
        self._open -= 1
        self._count_attempts(entry)
        if entry.may_have_been_accepted:
            self._in_doubt[entry.part] = entry.result(EventState.IN_DOUBT, code=code, message=message)

    def result(self) -> EventResult:
        """Return what the event came to: in doubt or failed if any part is."""
        first_attempt_at, event_id, code, message = self._first_attempt_at, None, "", ""
        if self._in_doubt:
            state, doubts = EventState.IN_DOUBT, list(self._in_doubt.values())
            code, message = doubts[0].code, doubts[0].message
            # The age of the doubt counts, not that of the event.
            first_attempt_at = min((doubt.first_attempt_at or 0.0 for doubt in doubts), default=None)
        elif self._refused:
            state = EventState.FAILED
            code, message = self._refused[min(self._refused, key=lambda part: part.first)]
        else:
            # Not the receipt of the whole, which has none, but a true one: that of its last part.
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

    def _named(self, part: Part, entry: Entry) -> Entry:
        entry.bisection, entry.part = self, part
        return entry

    def _leaves(self, part: Part, results: dict[Part, PartResult]) -> Iterator[Part]:
        """Yield what is left to be sent of a part."""
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
