"""The entries of the writer's inbox, as plain values without payloads.

An accepted event is a tuple (``AcceptedEvent``) and not an object, because there are up to 20,000 per second.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import orjson

from loader.checkpoint.plan import plan_digest
from loader.checkpoint.slices import counts
from loader.model import Event, EventResult, EventState, PartResult, SlicePlan
from loader.model.event_places import pack_places

AcceptedEvent = tuple[int, int, str]
"""Window, index in the window, ``eventId``."""

Values = tuple[object, ...]
"""The values of a row, in the order of its SQL statement."""


EventPlace = tuple[int, int]
"""The place of an event in the plan: window, index in the window."""


@dataclass(frozen=True, slots=True)
class EventsMarked:
    """Events that may be sent since a time in epoch seconds."""

    places: Sequence[EventPlace]
    marked_at: float


@dataclass(frozen=True, slots=True)
class SliceOpened:
    """A slice that was planned for the first time.

    Attributes:
        window: Number of its window.
        events: Number of events that it closes.
        ends_window: Whether it is the last slice of its window.
        window_values: Values that are added to the row of its window.
        values: Values of its own row.
        files: Values of the row of each file.
        rejected: Values of its rejected rows.
        opened_at: Time of the plan, in epoch seconds.
    """

    window: int
    events: int
    ends_window: bool
    window_values: Values
    values: Values
    files: Sequence[Values]
    rejected: Sequence[Values]
    opened_at: float


@dataclass(frozen=True, slots=True)
class EventsNamed:
    """Tokens, groups and rows of events that a crash left in doubt. The next plan of a window finds them."""

    values: Sequence[Values]


@dataclass(frozen=True, slots=True)
class EventPutAside:
    """An event that is not accepted: failed, in doubt or held back."""

    window: int
    index: int
    state: EventState
    values: Values


@dataclass(frozen=True, slots=True)
class PartNoted:
    """The result of a part of an event."""

    values: Values


@dataclass(frozen=True, slots=True)
class WriterCall:
    """A change of the whole checkpoint, applied in the order of the inbox."""

    change: Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Durable:
    """A request to resolve a future when all earlier entries are on the disk."""

    future: Future[None]


def slice_opened(plan: SlicePlan, opened_at: float) -> SliceOpened:
    """Return the entry for a slice that was planned for the first time."""
    first = next((file for file in plan.files if file.rows_read), plan.files[0])
    ends = int(plan.ends_window)
    return SliceOpened(
        window=plan.window,
        events=len(plan.events),
        ends_window=plan.ends_window,
        window_values=(
            plan.window,
            first.file,
            first.first_row,
            plan.rows_read,
            plan.rows_filtered,
            len(plan.rejected),
            plan.records,
            plan.rows_filtered_unknown,
            len(plan.events),
            ends,
            opened_at,
        ),
        values=(
            plan.window,
            plan.number,
            plan.first_index,
            len(plan.events),
            ends,
            plan_digest(plan.events),
            pack_places(plan),
        ),
        files=[(plan.window, plan.number, *values) for values in counts(plan)],
        rejected=[
            (row.file, row.row, row.column, row.code.value, row.reason, row.value) for row in plan.rejected
        ],
        opened_at=opened_at,
    )


def named(event: Event) -> Values:
    """Return the values that an event in doubt lacks after a crash."""
    return (
        event.token,
        event.file,
        event.rows[0],
        event.file_of(-1),
        event.rows[-1],
        len(event.rows),
        _rows_by_file(event.rows_by_file()),
        event.group,
        event.window,
        event.index,
    )


def put_aside(result: EventResult) -> EventPutAside:
    """Return the entry for an event that was not accepted."""
    event = result.event
    return EventPutAside(
        window=event.window,
        index=event.index,
        state=result.state,
        values=(
            event.token,
            result.state.value,
            event.window,
            event.index,
            event.file_of(result.positions[0]),
            event.rows[result.positions[0]],
            event.file_of(result.positions[-1]),
            event.rows[result.positions[-1]],
            len(result.positions),
            _rows_by_file(result.rows_by_file()),
            event.group,
            result.code,
            result.message,
            result.attempts,
            result.first_attempt_at,
            result.last_attempt_at,
        ),
    )


def part_noted(event: Event, result: PartResult) -> PartNoted:
    """Return the entry for a part of a planned event."""
    part = result.part
    end = part.first + part.count
    return PartNoted(
        values=(
            event.window,
            event.index,
            part.first,
            part.count,
            result.token,
            result.state.value,
            result.event_id,
            event.file_of(part.first),
            event.rows[part.first],
            event.file_of(end - 1),
            event.rows[end - 1],
            _rows_by_file(event.rows_by_file(part.first, end)),
            result.code,
            result.message,
        )
    )


def _rows_by_file(counts: Iterable[tuple[int, int]]) -> str | None:
    """Return the number of each file and of its rows as JSON, or None if there is only one file."""
    listed = list(counts)
    return orjson.dumps(listed).decode() if len(listed) > 1 else None
