"""Rejected rows and events that were not accepted, as CSV files for people."""

import csv
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from loader.checkpoint.lock import look_without_locking
from loader.checkpoint.reading import open_for_reading
from loader.errors import CheckpointError

REJECTED_COLUMNS = ("file", "row", "column", "code", "reason", "value")
REJECTED = """
SELECT coalesce(path, file), row + 1, column, code, reason, value
FROM rejected LEFT JOIN files ON number = file ORDER BY file, row"""

FAILED_COLUMNS = (
    *("token", "state", "file", "first_row", "last_row", "rows", "event_group"),
    *("code", "message", "attempts", "first_attempt", "last_attempt"),
)
FAILED = """
SELECT token, state, file, first_row + 1, last_row + 1, rows, event_group, code, message,
       attempts, first_attempt, last_attempt
FROM events_readable ORDER BY window, event_index, first_record"""


def export_rejected(run_dir: Path, path: Path) -> int:
    """Write the rejected rows of a load to a CSV file (mode 0600) and return their number.

    Rows are counted from 1 in their file, without the header. The checkpoint does not change.

    Raises:
        CheckpointError: The checkpoint cannot be read, or the file not written.
    """
    return _export(run_dir, path, REJECTED_COLUMNS, REJECTED)


def export_failed(run_dir: Path, path: Path) -> int:
    """Write the events that failed, are in doubt or were held back to a CSV file (mode 0600).

    Rows are counted from 1 in their file, without the header. An event in doubt of a run that was killed
    has no token, and the rows of its whole window, until that window is planned again. An event that failed
    for some of its records has a line for each part that was refused, with the token of that part.

    Returns:
        Their number.

    Raises:
        CheckpointError: The checkpoint cannot be read, or the file not written.
    """
    return _export(run_dir, path, FAILED_COLUMNS, FAILED)


def _export(run_dir: Path, path: Path, columns: Sequence[str], query: str) -> int:
    with (
        look_without_locking(run_dir) as pid,
        open_for_reading(run_dir, alive=pid is not None) as connection,
    ):
        try:
            return _write(path, columns, connection.execute(query))
        except OSError as error:
            raise CheckpointError(
                "The file cannot be written.", where=str(path), why=error.strerror or str(error)
            ) from error


def _write(path: Path, columns: Sequence[str], rows: Iterable[sqlite3.Row]) -> int:
    """Write beside the target and move into place: nobody ever sees half a file."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    count = 0
    with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - a descriptor
        writer = csv.writer(file)
        writer.writerow(columns)
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the count is the answer
            writer.writerow(row)
    draft.replace(path)
    return count
