"""Find the events that a killed run left in doubt, and the time since when each is in doubt. Pure.

Rules kept here:

1. An event is in doubt if it was marked before the kill and has no answer.
2. The age of a doubt counts from the last mark of the event. An event is marked again only if it cannot have
   been accepted. So the last mark is the earliest time at which the service can have accepted it.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loader.model import EventState

SKIPPED = "InDoubtSkipped"
"""Code of a failed event that was in doubt when the load ran with ``--in-doubt skip``."""

SKIPPED_MESSAGE = "In doubt for longer than the life of its token; skipped on request."

LOST_ANSWER = "RunEndedWithoutAnswer"
"""Code of an event in doubt whose run was killed between its attempt and the record of its answer."""

PARTS_DISAGREE = "CheckpointPartsDisagree"
"""Code of an event in doubt because the parts of the checkpoint contradicted each other at its opening."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Events of one window that may be sent since a point in time.

    Attributes:
        marked_at: The point in time, in epoch seconds.
        indexes: Positions of the events in the window's plan.
    """

    marked_at: float
    indexes: Sequence[int]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The row of an event that is not accepted.

    Attributes:
        state: State of the event.
        skipped: Whether the user chose never to send it again.
        run: Number of the run that wrote the row.
    """

    state: EventState
    skipped: bool
    run: int


def answered(rows: Mapping[int, StoredRow], *, run: int, retry_failed: bool) -> set[int]:
    """Return the indexes of the events whose row is the final result of the run with number ``run``.

    The row of an earlier run is not final if ``run`` sends the event again.
    """
    return {
        index
        for index, row in rows.items()
        if row.run == run or row.skipped or (row.state is EventState.FAILED and not retry_failed)
    }


def in_doubt(
    marks: Iterable[Mark], accepted: Container[int], answered_indexes: Container[int]
) -> Iterator[tuple[int, float]]:
    """Yield index and earliest possible time of sending of each event in doubt of one window.

    Args:
        marks: The window's marks, in the order in which they were written.
        accepted: Indexes of its accepted events.
        answered_indexes: Indexes of the events with another answer.
    """
    since = {index: mark.marked_at for mark in marks for index in mark.indexes}
    for index in sorted(since):
        if index not in accepted and index not in answered_indexes:
            yield index, since[index]
