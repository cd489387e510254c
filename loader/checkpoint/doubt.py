"""Which events of a window are in doubt after a run that died, and since when.

Rules kept here:

1. An event that was marked before the death and has no answer is in doubt.
2. Its age counts from the last mark that names it. An event is marked again only while it cannot have been
   accepted, so that is the earliest moment at which the service can have accepted it.
3. Nothing here knows files, SQLite or clocks.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loader.model import EventState

SKIPPED = "InDoubtSkipped"
"""Code of a failed event that was in doubt when the user said ``--in-doubt skip``."""

LOST_ANSWER = "RunEndedWithoutAnswer"
"""Code of an event in doubt whose run died after it was handed out and before its answer was written."""

PARTS_DISAGREE = "CheckpointPartsDisagree"
"""Code of an event in doubt because the checkpoint's parts did not agree when it was opened."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Events of one window that may be sent from a moment on.

    Attributes:
        marked_at: The moment, in epoch seconds.
        indexes: Their positions in the window's plan.
    """

    marked_at: float
    indexes: Sequence[int]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """What the checkpoint already says about an event that is not accepted.

    Attributes:
        state: Where it stood.
        skipped: Whether the user chose never to send it again.
        run: Number of the run that wrote it.
    """

    state: EventState
    skipped: bool
    run: int


def answered(rows: Mapping[int, StoredRow], *, run: int, retry_failed: bool) -> set[int]:
    """Return the indexes whose row is the last word of ``run`` on them.

    A row of an earlier run is not, if this run was to send the event again.
    """
    return {
        index
        for index, row in rows.items()
        if row.run == run or row.skipped or (row.state is EventState.FAILED and not retry_failed)
    }


def in_doubt(
    marks: Iterable[Mark], accepted: Container[int], answered_indexes: Container[int]
) -> Iterator[tuple[int, float]]:
    """Yield index and time of first possible sending of each event of one window that is in doubt.

    Args:
        marks: The window's marks, in the order in which they were written.
        accepted: Indexes of its accepted events.
        answered_indexes: Indexes of the events with another answer.
    """
    since = {index: mark.marked_at for mark in marks for index in mark.indexes}
    for index in sorted(since):
        if index not in accepted and index not in answered_indexes:
            yield index, since[index]
