"""The slices of a load as earlier runs planned them, and a check that this run plans the same events."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.plan import plan_digest
from loader.errors import CheckpointMismatch
from loader.model import SlicePlan

COUNTS = (
    *("file", "first_row", "rows_read", "rows_filtered", "rows_rejected", "records", "last_of_file"),
    *("rows_filtered_unknown", "lines_swallowed", "rows_elsewhere"),
)


@dataclass(frozen=True, slots=True)
class StoredSlice:
    """A slice as an earlier run planned it.

    Attributes:
        values: First index, number of events, whether it ends its window, digest of the tokens.
        files: The counts of the rows of each file, as `counts` returns them.
    """

    values: tuple[object, ...]
    files: Sequence[tuple[object, ...]]


def counts(plan: SlicePlan) -> list[tuple[object, ...]]:
    """Return the counts of the rows of each file. They are the same whenever a slice is planned."""
    swallowed = plan.lines_swallowed()
    return [
        (
            file.file,
            file.first_row,
            file.rows_read,
            file.rows_filtered,
            file.rows_rejected,
            file.records,
            int(file.last_of_file),
            file.rows_filtered_unknown,
            swallowed[file.file],
            file.rows_elsewhere,
        )
        for file in plan.files
    ]


def read_slice(connection: sqlite3.Connection, window: int, number: int) -> StoredSlice | None:
    """Return a slice as an earlier run planned it, or None if it was never planned."""
    values = connection.execute(
        "SELECT first_index, events, ends_window, plan_digest FROM slices WHERE window = ? AND number = ?",
        (window, number),
    ).fetchone()
    if values is None:
        return None
    files = connection.execute(
        "SELECT file, first_row, rows_read, rows_filtered, rows_rejected, records, last_of_file,"
        " rows_filtered_unknown, lines_swallowed, rows_elsewhere"
        " FROM slice_files WHERE window = ? AND slice = ? ORDER BY file",
        (window, number),
    ).fetchall()
    return StoredSlice(values, files)


def check_same_slice(plan: SlicePlan, stored: StoredSlice, path: Path) -> None:
    """Check that a slice has the events that an earlier run planned for it.

    Args:
        plan: The slice as it is planned now.
        stored: The slice as an earlier run planned it.
        path: Path of the checkpoint.

    Raises:
        CheckpointMismatch: The events or the counts of rows differ.
    """
    given = (plan.first_index, len(plan.events), int(plan.ends_window), plan_digest(plan.events))
    if stored.values != given or stored.files != counts(plan):
        raise _replanned(plan, stored, path)


def _replanned(plan: SlicePlan, stored: StoredSlice, path: Path) -> CheckpointMismatch:
    first = plan.files[0]
    changes = [
        f"{name} was {then}, is {now}"
        for name, then, now in zip(
            ("first event", "events", "end of the window"),
            stored.values,
            (plan.first_index, len(plan.events), int(plan.ends_window)),
            strict=False,
        )
        if then != now
    ]
    if [values[0] for values in stored.files] != [file.file for file in plan.files]:
        changes.append("its rows belong to other files")
    for then, now in zip(stored.files, counts(plan), strict=False):
        changes += [
            f"{name} was {before}, is {after}"
            for name, before, after in zip(COUNTS, then, now, strict=True)
            if before != after
        ]
    return CheckpointMismatch(
        f"Window {plan.window} does not give the events that were planned when the load began.",
        where=f"{path}, from row {first.first_row} of file {first.file}",
        why="; ".join(changes) or "the same number of events, with other content",
        next_step="use the version of the loader and the files with which the load began, or start over "
        "with --restart",
    )
