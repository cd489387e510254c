"""The rows of events that the service refused, or accepted but did not load: which rows, why, and as files.

The checkpoint has events and windows; the extract has rows and keys. So the windows from the first failure on
are planned again. A digest of each window's tokens confirms that this gives the same events.

Rules kept here:

1. A row is written once, in the extract's own format. Existing files are not written again, because the user
   may have corrected them. Rows found later go to a folder of their own.
2. A row is left out of the files if a later event of the load brought its key into the data lake: loading the
   row would replace new data with old. ``reasons.jsonl`` still lists it. Rows of an APPEND are never left
   out.
3. Memory use does not grow with the number of rows.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from loader.checkpoint.doubt import SKIPPED
from loader.checkpoint.plan import Plan
from loader.checkpoint.start.correction_folders import (
    REASONS_NAME,
    next_not_loaded_folder,
    not_loaded_folders,
)
from loader.checkpoint.verdicts import Verdicts
from loader.extract import Extract
from loader.loading.rejects import write_row_files
from loader.model import Destination, Operation
from loader.verify.replanning import Replanned, places_of, replan

LOAD_FAILED = "LoadFailed"
"""Code of a row whose event was accepted but not loaded. A refused row has the service's code."""

_MOST_CAUSES = 20

SUPERSEDED = "Superseded"
"""Code of a failed row that is left out, because a later row of its key is loaded."""

_ROWS = """
CREATE TABLE rows (file INTEGER, row INTEGER, key INTEGER, code TEXT, message TEXT, event_group TEXT,
                   left_out INTEGER DEFAULT 0, PRIMARY KEY (file, row)) WITHOUT ROWID"""
_LEAVE_OUT = "UPDATE rows SET left_out = 1 WHERE key = ? AND (file, row) < (?, ?)"

FAILURES = """
SELECT window, event_index, first_record, NULL, ?, message FROM failed_loads
UNION ALL
SELECT window, event_index, first_record, records, code, message FROM failed_parts
UNION ALL
SELECT window, event_index, 0, NULL, code, message FROM events
WHERE state = 'failed' AND code <> ? AND NOT EXISTS (
    SELECT 1 FROM parts WHERE parts.window = events.window AND parts.event_index = events.event_index
                          AND parts.state = 'failed')
ORDER BY window, event_index"""


@dataclass(frozen=True, slots=True)
class Failure:
    """Records of one event that are not in the data lake.

    Attributes:
        index: The event's position in its window's plan.
        first: Position of the first of these records in the event.
        count: Number of records; None for all.
        code: The cause: the service's code, or ``LOAD_FAILED``.
        message: The service's message.
    """

    index: int
    first: int
    count: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Rows that are not loaded for the same cause.

    Attributes:
        code: The service's code, or ``LOAD_FAILED``.
        message: The service's message (may repeat row data).
        rows: Number of rows.
        file: Path of the file with the first row.
        row: Number of the first row in its file, as the user sees it.
        group: Group of the first row.
    """

    code: str
    message: str
    rows: int
    file: str
    row: int
    group: str


class NotLoadedRows:
    """Rows that are not in the data lake, in the form that `write_row_files` takes.

    Args:
        plan: The plan of the load.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(_ROWS)
        self._connection.execute("CREATE INDEX keys ON rows (key)")

    def close(self) -> None:
        """Delete the temporary table."""
        self._connection.close()

    @property
    def files(self) -> Sequence[int]:
        """Numbers of the files with rows to load again, ascending."""
        found = self._connection.execute("SELECT DISTINCT file FROM rows WHERE NOT left_out ORDER BY file")
        return [file for (file,) in found]

    def rows(self, file: int) -> Iterator[int]:
        """Yield the rows of a file that are to be loaded again."""
        query = "SELECT row FROM rows WHERE file = ? AND NOT left_out ORDER BY row"
        return (row for (row,) in self._connection.execute(query, (file,)))

    def reasons(self) -> Iterator[tuple[int, int, str, str, str]]:
        """Yield file, row, column (always empty), code and message; rows that are left out come last."""
        yield from self._connection.execute(
            "SELECT file, row, '', code, message FROM rows WHERE NOT left_out ORDER BY file, row"
        )

    def left_out(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield file, row, code and message of rows that are left out."""
        yield from self._connection.execute(
            "SELECT file, row, ?, message FROM rows WHERE left_out ORDER BY file, row", (SUPERSEDED,)
        )

    def counts(self) -> tuple[int, int]:
        """Return the number of rows, and how many of them are left out."""
        (found,) = self._connection.execute(
            "SELECT count(*), coalesce(sum(left_out), 0) FROM rows"
        ).fetchall()
        return int(found[0]), int(found[1])

    def causes(self) -> Sequence[Cause]:
        """Return the causes, the most frequent first."""
        found = self._connection.execute(
            "SELECT code, message, count(*), file, min(row), event_group FROM rows"
            " GROUP BY code, message ORDER BY count(*) DESC, code, message LIMIT ?",
            (_MOST_CAUSES,),
        )
        files = self.plan.files
        return [
            Cause(code, message, rows, files[file].path, files[file].row_number(row), group)
            for code, message, rows, file, row, group in found
        ]

    def add(self, rows: Sequence[tuple[int, int, int | None, str, str, str]]) -> None:
        """Add rows: file, row, hash of the key, code, message, group."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO rows (file, row, key, code, message, event_group)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def forget(self, written: Iterable[tuple[int, int, bool]]) -> None:
        """Remove rows that the files list already: file, row, and whether the row was left out."""
        self._connection.executemany("DELETE FROM rows WHERE file = ? AND row = ? AND left_out >= ?", written)

    def leave_out(self, loaded: Sequence[tuple[int, int, int]]) -> None:
        """Leave out earlier rows with the keys of loaded rows: hash of the key, file, row."""
        self._connection.executemany(_LEAVE_OUT, loaded)


def read_failures(verdicts: Verdicts) -> Mapping[int, Sequence[Failure]]:
    """Return the known failures by window."""
    found: dict[int, list[Failure]] = {}
    for window, index, first, count, code, message in verdicts.read(FAILURES, (LOAD_FAILED, SKIPPED)):
        counted = verdicts.records_of_part(window, index, first) if count is None else count
        found.setdefault(window, []).append(Failure(index, first, counted, code, message))
    return found


def find_rows(
    destination: Destination,
    extract: Extract,
    plan: Plan,
    verdicts: Verdicts,
    failures: Mapping[int, Sequence[Failure]],
) -> NotLoadedRows:
    """Return the rows that are not in the data lake. Blocking: reads the extract from the first failure on.

    Raises:
        CheckpointMismatch: The extract or the loader changed, so that the planned events differ.
        ExtractError: The extract cannot be read.
    """
    rows = NotLoadedRows(plan)
    replaces = destination.operation is not Operation.APPEND
    for window in replan(destination, extract, verdicts, min(failures), with_keys=replaces):
        _take_in(rows, window, failures.get(window.number, ()))
        if window.keys:
            _leave_out(rows, window, verdicts)
    return rows


def write_not_loaded(rows: NotLoadedRows, run_dir: Path, extract: Extract) -> None:
    """Write the rows to ``RUN_DIR/not-loaded``. Rows found after that go to a folder beside it."""
    for folder in not_loaded_folders(run_dir):
        rows.forget(_named(folder / REASONS_NAME, rows.plan))
    if rows.counts()[0]:
        write_row_files(rows, next_not_loaded_folder(run_dir), extract.table)


def _named(reasons: Path, plan: Plan) -> Iterator[tuple[int, int, bool]]:
    """Yield file, row, and whether the row is left out, for each row in a file of reasons."""
    files = {file.path: (number, file.row_number(0)) for number, file in enumerate(plan.files)}
    if not reasons.exists():
        return
    with reasons.open("rb") as lines:
        for line in map(orjson.loads, lines):
            if line["file"] in files:
                number, first = files[line["file"]]
                yield number, line["row"] - first, bool(line.get("left_out"))


def _take_in(rows: NotLoadedRows, window: Replanned, failures: Sequence[Failure]) -> None:
    for failure in failures:
        event = window.events[failure.index]
        words = (failure.code, failure.message, event.group)
        places = places_of(event, failure.first, failure.count)
        rows.add([(*place, window.keys.get(place), *words) for place in places])


def _leave_out(rows: NotLoadedRows, window: Replanned, verdicts: Verdicts) -> None:
    loaded = []
    for event in window.events:
        for first, count in verdicts.loaded_records(window.number, event.index):
            loaded += [(window.keys[place], *place) for place in places_of(event, first, count)]
    rows.leave_out(loaded)
