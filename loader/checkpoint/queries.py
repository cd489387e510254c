"""Queries of a checkpoint through any connection to it."""

import sqlite3
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from loader.checkpoint.doubt import SKIPPED, Mark, StoredRow, answered, in_doubt
from loader.checkpoint.receipts import Receipts, spans
from loader.model import EventState


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a load.

    Two equations are always true: ``rows_read == rows_filtered + rows_rejected +
    records`` and ``events_total == events_accepted + events_failed + events_in_doubt + events_unprocessed``.

    Attributes:
        windows: Windows planned.
        rows_read: Rows in these windows.
        rows_filtered: Rows that the job's filter left out.
        rows_filtered_unknown: Those of ``rows_filtered`` for which the filter was null, because of a missing
            value.
        rows_rejected: Rows that could not become records.
        records: Rows that became records.
        records_failed: Records that the service has refused, or whose event failed as a whole.
        events_total: Events planned.
        events_accepted: Events with a receipt.
        events_failed: Events that were refused, or that were in doubt and the user skipped.
        events_in_doubt: Events that may have been accepted but have no receipt.
        events_unprocessed: All other events: held back, or not yet sent.
        rows_elsewhere: Rows of the planned windows that other shards deliver.
    """

    windows: int
    rows_read: int
    rows_filtered: int
    rows_rejected: int
    records: int
    records_failed: int
    events_total: int
    events_accepted: int
    events_failed: int
    events_in_doubt: int
    events_unprocessed: int
    rows_filtered_unknown: int = 0
    rows_elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class FileTotals:
    """The sums of the planned rows of one file.

    Attributes:
        rows_read: Number of its planned rows.
        rows_rejected: Rows that could not become records.
        lines_swallowed: Lines of rejected rows, without the first line of each.
        records_failed: Records that were refused.
        rows_settled: Rows in windows that need no more work.
        rows_elsewhere: Those of ``rows_read`` that other shards deliver.
    """

    rows_read: int
    rows_rejected: int
    lines_swallowed: int
    records_failed: int
    rows_settled: int
    rows_elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run.

    Attributes:
        cause: The cause as a short text, for ``status``.
        exit_code: Exit code of the command.
        complete: Whether every row was read and every event was tried, so that nothing is left to resume.
        graceful: Whether the answer of every attempt is recorded. If not, the next start records marked
            events without an answer as in doubt.
        attempts: Number of HTTP requests.
        throttled: Number of throttled requests.
        retried: Number of requests after the first one of an event.
        seconds: Duration of the run.
    """

    cause: str
    exit_code: int
    complete: bool
    graceful: bool = True
    attempts: int = 0
    throttled: int = 0
    retried: int = 0
    seconds: float = 0.0


def read_totals(connection: sqlite3.Connection, *, marked: bool = False) -> Totals:
    """Return the stored sums.

    Args:
        connection: A connection to the checkpoint.
        marked: Whether marked events without an answer count as in doubt, because the run did not record its
            end.
    """
    sums = connection.execute(
        "SELECT count(*), sum(rows_read), sum(rows_filtered), sum(rows_rejected), sum(records),"
        " sum(events), sum(accepted), sum(rows_filtered_unknown) FROM windows"
    ).fetchone()
    windows, read, filtered, rejected, records, total, accepted, unknown = (value or 0 for value in sums)
    states = dict(connection.execute("SELECT state, count(*) FROM events GROUP BY state").fetchall())
    (records_failed,) = connection.execute("SELECT coalesce(sum(rows), 0) FROM failures").fetchone()
    (elsewhere,) = connection.execute("SELECT coalesce(sum(rows_elsewhere), 0) FROM slice_files").fetchone()
    failed, doubtful = states.get(EventState.FAILED, 0), states.get(EventState.IN_DOUBT, 0)
    totals = Totals(
        windows=windows,
        rows_read=read,
        rows_filtered=filtered,
        rows_filtered_unknown=unknown,
        rows_rejected=rejected,
        records=records,
        records_failed=records_failed,
        events_total=total,
        events_accepted=accepted,
        events_failed=failed,
        events_in_doubt=doubtful,
        events_unprocessed=total - accepted - failed - doubtful,
        rows_elsewhere=elsewhere,
    )
    return with_marked(connection, totals)[0] if marked else totals


def read_file_totals(
    connection: sqlite3.Connection, settled: Mapping[int, Mapping[int, int]]
) -> dict[int, FileTotals]:
    """Return the sums of each file that has a planned slice, by file number.

    Args:
        connection: A connection to the checkpoint.
        settled: For each window that needs no more work, by number: the number of its rows by file.
    """
    settled_rows: Counter[int] = Counter()
    for files in settled.values():
        settled_rows.update(files)
    failed: Counter[int] = Counter()
    for file, rows, by_file in connection.execute("SELECT file, rows, rows_by_file FROM failures"):
        failed.update(dict(orjson.loads(by_file)) if by_file is not None else {file: rows})
    sums = connection.execute(
        "SELECT file, sum(rows_read), sum(rows_rejected), sum(lines_swallowed), sum(rows_elsewhere)"
        " FROM slice_files GROUP BY file"
    ).fetchall()
    return {
        file: FileTotals(rows, rejected, swallowed, failed[file], settled_rows[file], elsewhere)
        for file, rows, rejected, swallowed, elsewhere in sums
    }


def read_receipts(connection: sqlite3.Connection, window: int) -> Receipts:
    """Return the receipts of a window. They are empty for a window without events."""
    row = connection.execute("SELECT event_ids FROM receipts WHERE window = ?", (window,)).fetchone()
    return Receipts(row[0] if row else b"")


def stored_rows(connection: sqlite3.Connection, window: int) -> dict[int, StoredRow]:
    """Return the stored rows of the events of a window that are not accepted, by index."""
    rows = connection.execute(
        "SELECT event_index, state, code = ?, run FROM events WHERE window = ?", (SKIPPED, window)
    ).fetchall()
    return {index: StoredRow(EventState(state), bool(skipped), run) for index, state, skipped, run in rows}


def read_marks(connection: sqlite3.Connection) -> dict[int, Sequence[Mark]]:
    """Return the marks by window number."""
    marks: dict[int, list[Mark]] = {}
    rows = connection.execute("SELECT window, marked_at, indexes FROM marks ORDER BY window, number")
    for window, marked_at, indexes in rows.fetchall():
        marks.setdefault(window, []).append(Mark(marked_at, unpack_indexes(indexes)))
    return dict(marks)


def pack_indexes(indexes: Sequence[int]) -> bytes:
    """Return the indexes of a mark in stored form: first and last of each run of consecutive indexes."""
    runs = [end for run in spans(sorted(indexes), 1) for end in run]
    return struct.pack(f"<{len(runs)}I", *runs)


def unpack_indexes(stored: bytes) -> Sequence[int]:
    """Return the indexes of a stored mark, ascending."""
    return [index for first, last in struct.iter_unpack("<II", stored) for index in range(first, last + 1)]


def left_in_doubt(connection: sqlite3.Connection) -> list[tuple[int, int, float]]:
    """Return window, index and earliest possible sending time of the events that a killed run left in doubt.

    They may include events that were in doubt before. These already have a row.
    """
    run = connection.execute("SELECT number, retry_failed FROM runs ORDER BY number DESC LIMIT 1").fetchone()
    if run is None:
        return []
    number, retry_failed = run[0], bool(run[1])
    return [
        (window, index, since)
        for window, marks in read_marks(connection).items()
        for index, since in in_doubt(
            marks,
            read_receipts(connection, window),
            answered(stored_rows(connection, window), run=number, retry_failed=retry_failed),
        )
    ]


def with_marked(connection: sqlite3.Connection, totals: Totals) -> tuple[Totals, Sequence[float]]:
    """Correct the totals of a run that did not record its end: marked events without an answer are in doubt.

    Returns:
        The corrected totals, and for each event in doubt the epoch seconds since when.
    """
    rows = connection.execute(
        "SELECT window, event_index, first_attempt_at FROM events WHERE state = 'in_doubt'"
    ).fetchall()
    since: dict[tuple[int, int], float] = {(window, index): at for window, index, at in rows}
    moved: Counter[str] = Counter()
    for window, index, marked_at in left_in_doubt(connection):
        event = (window, index)
        if event not in since:
            query = "SELECT state FROM events WHERE window = ? AND event_index = ?"
            (state,) = connection.execute(query, event).fetchone() or (EventState.UNPROCESSED,)
            moved[state] += 1
        since[event] = min(since.get(event, marked_at), marked_at)
    corrected = replace(
        totals,
        events_in_doubt=len(since),
        events_failed=totals.events_failed - moved[EventState.FAILED],
        events_unprocessed=totals.events_unprocessed - moved[EventState.UNPROCESSED],
    )
    return corrected, list(since.values())


def read_last_run(connection: sqlite3.Connection) -> tuple[float, float | None, RunEnd | None] | None:
    """Return start, end time and end of the last run, or None if there was no run.

    A run that was killed has no end time.
    """
    row = connection.execute(
        "SELECT started_at, ended_at, cause, exit_code, complete, attempts, throttled, retried, seconds"
        " FROM runs ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    started_at, ended_at, cause, exit_code, complete, attempts, throttled, retried, seconds = row
    if ended_at is None:
        return started_at, None, None
    end = RunEnd(
        cause,
        exit_code,
        complete=bool(complete),
        graceful=not read_marks(connection),
        attempts=attempts,
        throttled=throttled,
        retried=retried,
        seconds=seconds,
    )
    return started_at, ended_at, end


def is_finished(connection: sqlite3.Connection) -> bool:
    """Return whether the load has nothing left to do, because its last run ended and was complete."""
    last_run = read_last_run(connection)
    return last_run is not None and last_run[2] is not None and last_run[2].complete


def read_generation(connection: sqlite3.Connection) -> int:
    """Return the number of earlier loads of the run directory that this load replaces."""
    ((generation,),) = connection.execute("SELECT generation FROM load").fetchall()
    return int(generation)
