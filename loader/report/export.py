"""Rejected rows, and events that were not accepted, as CSV files for users."""

import csv
import io
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import writing_output
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.reading import open_for_reading
from loader.checkpoint.start.lock import look_without_locking
from loader.errors import SettingsError
from loader.process.named_files import not_replaced

REJECTED_COLUMNS = ("file", "row", "column", "code", "reason", "value")
_REJECTED = """
SELECT coalesce(path, file), row + 1 + coalesce(rows_before, 0), column, code, reason, value
FROM rejected LEFT JOIN files ON number = file ORDER BY file, row"""

FAILED_COLUMNS = (
    *("token", "state", "file", "first_row", "last_row", "rows", "event_group"),
    *("code", "message", "attempts", "first_attempt", "last_attempt"),
)
_FAILED = """
SELECT token, state, file, first_row + 1, last_row + 1, rows, event_group, code, message,
       attempts, first_attempt, last_attempt
FROM events_readable ORDER BY window, event_index, first_record"""


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet evaluates a cell that begins with one of these characters (OWASP, CSV injection)."""

_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")
"""A cell that begins with a sign but is harmless."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Counts of what was written to a CSV file.

    Attributes:
        rows: Number of rows, without the header.
        escaped: Number of cells that got a leading apostrophe, because a spreadsheet would run them as
            formulas.
    """

    rows: int
    escaped: int


def export_rejected(place: Path, path: Path) -> Exported:
    """Write the rejected rows of a load to a CSV file (mode 0600).

    Rows are counted from 1 in their file, without the header; those of a sheet as Excel counts them. The
    checkpoint does not change.

    Args:
        place: The run directory, or one of its kept checkpoints.
        path: The CSV file.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        SettingsError: The file cannot be written.
    """
    return _export(place, path, REJECTED_COLUMNS, _REJECTED)


def export_failed(place: Path, path: Path) -> Exported:
    """Write the events that failed, are in doubt or were held back to a CSV file (mode 0600).

    Rows are counted from 1 in their file, without the header. An event in doubt from a run that was killed
    has no token and the rows of its whole window, until that window is planned again. If the service refused
    some records of an event, each refused part has its own line with its own token.

    Args:
        place: The run directory, or one of its kept checkpoints.
        path: The CSV file.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        SettingsError: The file cannot be written.
    """
    return _export(place, path, FAILED_COLUMNS, _FAILED)


def _export(place: Path, path: Path, columns: Sequence[str], query: str) -> Exported:
    checkpoint = place if place.is_file() else place / CHECKPOINT_NAME
    run_dir, name = checkpoint.parent, checkpoint.name
    with look_without_locking(run_dir) as pid:
        is_written_now = pid is not None and name == CHECKPOINT_NAME
        with open_for_reading(run_dir, alive=is_written_now, name=name) as connection:
            _refuse_own_files(path, [checkpoint, *_files(connection)])
            try:
                return _write(path, columns, connection.execute(query))
            except OSError as error:
                raise SettingsError(
                    "The file cannot be written.",
                    where=str(path),
                    why=error.strerror or str(error),
                    next_step="name another file",
                ) from error


def _files(connection: sqlite3.Connection) -> Iterator[Path]:
    for (name,) in connection.execute("SELECT path FROM files"):
        yield Path(name)


def _refuse_own_files(path: Path, files: Iterable[Path]) -> None:
    """Refuse to replace a file of the load: its extract or its checkpoint."""
    for file in files:
        with suppress(OSError, ValueError):
            if path.samefile(file):
                raise not_replaced(path)


def _write(path: Path, columns: Sequence[str], rows: Iterable[sqlite3.Row]) -> Exported:
    lines = escaped = 0
    with writing_output(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        for lines, row in enumerate(rows, start=1):  # noqa: B007 - their number is the answer
            harmless = [_harmless(cell) for cell in row]
            escaped += sum(new != old for new, old in zip(harmless, row, strict=True))
            writer.writerow(harmless)
        text.detach()  # flushes the text and leaves the file open
    return Exported(lines, escaped)


def _harmless(cell: object) -> object:
    """Return the cell, with a leading apostrophe if a spreadsheet would take it for a formula."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
