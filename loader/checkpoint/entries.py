"""What the load hands to the checkpoint's writer, as plain values without payloads.

An accepted event is the bare tuple ``Receipt``: there are 20,000 of them a second.
"""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from loader.checkpoint.plan import plan_digest
from loader.model import Event, EventResult, EventState, PartResult, WindowPlan

Receipt = tuple[int, int, str]
"""Window, index in it, eventId."""

Values = tuple[object, ...]
"""The columns of a row, in the order of the statement that takes them."""


Place = tuple[int, int]
"""Where an event stands in the plan: window, index in it."""


@dataclass(frozen=True, slots=True)
class EventsMarked:
    """Events that may be sent from a moment on (epoch seconds)."""

    places: Sequence[Place]
    marked_at: float


@dataclass(frozen=True, slots=True)
class WindowOpened:
    """A window planned for the first time, and its rejected rows."""

    number: int
    events: int
    values: Values
    rejected: Sequence[Values]


@dataclass(frozen=True, slots=True)
class EventsNamed:
    """Tokens, groups and rows of events that a crash left in doubt, known now that they are planned again."""

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
    """What a part of an event came to."""

    values: Values


@dataclass(frozen=True, slots=True)
class WriterCall:
    """Something to do to the whole checkpoint, in the order of the inbox."""

    change: Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Durable:
    """Resolved once everything before it is on the disk."""

    future: Future[None]


def counts(plan: WindowPlan) -> tuple[int, ...]:
    """Return what must be the same each time a window is planned."""
    return (
        plan.file,
        plan.first_row,
        plan.rows_read,
        plan.rows_filtered,
        len(plan.rejected),
        plan.records,
        len(plan.events),
        int(plan.last_of_file),
        plan.rows_filtered_unknown,
    )


def window_opened(plan: WindowPlan, opened_at: float) -> WindowOpened:
    """Return the entry for a window planned for the first time."""
    return WindowOpened(
        number=plan.number,
        events=len(plan.events),
        values=(
            plan.number,
            *counts(plan),
            plan_digest(plan.events),
            opened_at,
            None if plan.events else opened_at,
        ),
        rejected=[
            (row.file, row.row, row.column, row.code.value, row.reason, row.value) for row in plan.rejected
        ],
    )


def named(event: Event) -> Values:
    """Return what a crash left open about an event in doubt."""
    return (
        event.token,
        event.rows[0],
        event.rows[-1],
        len(event.rows),
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
            event.file,
            result.rows[0],
            result.rows[-1],
            len(result.rows),
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
    return PartNoted(
        values=(
            event.window,
            event.index,
            part.first,
            part.count,
            result.token,
            result.state.value,
            result.event_id,
            event.rows[part.first],
            event.rows[part.first + part.count - 1],
            result.code,
            result.message,
        )
    )
