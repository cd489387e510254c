"""The results of earlier runs, for a run that goes on with the load."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.doubt import SKIPPED
from loader.checkpoint.queries import FileTotals, read_file_totals, read_receipts
from loader.checkpoint.reading import reading_errors
from loader.checkpoint.receipts import Receipts
from loader.checkpoint.samples import StoredSample, read_samples
from loader.checkpoint.slices import StoredSlice, read_slice
from loader.model import EventState, Part, PartResult, PartState


@dataclass(frozen=True, slots=True)
class WindowProgress:
    """The results of earlier runs for the events of a window.

    Attributes:
        accepted: Indexes of the accepted events.
        failed: Indexes of the failed events.
        skipped: Indexes of the events in doubt that the user chose not to send again.
        in_doubt: For each event in doubt, by index, epoch seconds of its first attempt.
        parts: For each divided event, by index, the results of its parts, without the parts to send again.
        retry_failed: Whether this run sends failed events again.
    """

    accepted: Receipts
    failed: frozenset[int]
    skipped: frozenset[int]
    in_doubt: Mapping[int, float]
    parts: Mapping[int, Sequence[PartResult]]
    retry_failed: bool

    def to_send(self, index: int) -> bool:
        """Return whether this run must deliver the event."""
        if index in self.accepted or index in self.skipped:
            return False
        return self.retry_failed or index not in self.failed

    def settled_parts(self, index: int) -> list[Part]:
        """Return the settled parts of an event that this run must deliver."""
        parts = self.parts.get(index, ())
        return [each.part for each in parts if each.state is not PartState.DIVIDED]


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that may have been sent although the checkpoint has no row for them (`start.gaps`).

    Attributes:
        since: Epoch seconds since when they may have been sent.
        below_window: The events belong to windows with a lower number than this.
    """

    since: float
    below_window: int


class LoadProgress:
    """The durable results of a load so far. Every method may raise a CheckpointError.

    Args:
        connection: Reads the checkpoint.
        path: The checkpoint, for errors.
        retry_failed: Whether this run sends the events again that failed in earlier runs.

    Attributes:
        gaps: Events that lost machines may have sent, although the checkpoint has no row of them.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, *, retry_failed: bool) -> None:
        self._connection, self._path, self._retry_failed = connection, path, retry_failed
        self.gaps = read_gaps(connection)

    def settled_windows(self) -> Mapping[int, Mapping[int, int]]:
        """Return the windows that need not be read, because this run would send none of their events.

        Returns:
            The number of rows by file, for each window number.
        """
        with reading_errors(self._path):
            return read_settled_windows(self._connection, retry_failed=self._retry_failed)

    def of_window(self, window: int) -> WindowProgress | None:
        """Return the progress of the events of a window, or None if the window was never planned."""
        with reading_errors(self._path):
            return read_progress(self._connection, window, retry_failed=self._retry_failed)

    def slice(self, window: int, number: int) -> tuple[StoredSlice | None, Sequence[int]]:
        """Return a slice as it was planned, and the events of its window without a known token.

        Returns:
            The slice, or None if no run planned it; and the indexes of the events.
        """
        with reading_errors(self._path):
            unnamed = self._connection.execute(
                "SELECT event_index FROM events WHERE window = ? AND token IS NULL", (window,)
            )
            return read_slice(self._connection, window, number), [index for (index,) in unnamed.fetchall()]

    def known_rows(self) -> Mapping[int, int]:
        """Return the number of rows of each file that was planned to its end, by file number."""
        with reading_errors(self._path):
            return read_known_rows(self._connection)

    def held_groups(self) -> frozenset[str]:
        """Return the groups whose later events ``--on-failure hold`` holds back when the run begins.

        The set is empty if this run sends failed events again. An event in doubt does not hold its group
        back, because it is sent again before later events of the group.
        """
        if self._retry_failed:
            return frozenset()
        with reading_errors(self._path):
            return read_held_groups(self._connection)

    def in_doubt_before(self, before: float) -> int:
        """Count the events in doubt that may have reached the service before a time in epoch seconds."""
        with reading_errors(self._path):
            return count_in_doubt(self._connection, before)

    def file_totals(self, settled: Mapping[int, Mapping[int, int]]) -> Mapping[int, FileTotals]:
        """Return the sums of each file. ``settled`` is the result of ``settled_windows``."""
        with reading_errors(self._path):
            return read_file_totals(self._connection, settled)

    def samples(self) -> list[StoredSample]:
        """Return the samples that earlier runs wrote."""
        with reading_errors(self._path):
            return read_samples(self._connection)


def read_gaps(connection: sqlite3.Connection) -> list[Gap]:
    """Return the gaps of a checkpoint."""
    return [Gap(*row) for row in connection.execute("SELECT since, below_window FROM gaps").fetchall()]


def doubt_since(gaps: Sequence[Gap], window: int) -> float | None:
    """Return the epoch seconds since when unanswered events of a window are in doubt, or None."""
    return min([gap.since for gap in gaps if window < gap.below_window], default=None)


def read_progress(
    connection: sqlite3.Connection, window: int, *, retry_failed: bool
) -> WindowProgress | None:
    """Return the progress of the events of a window, or None if it was never planned."""
    if connection.execute("SELECT 1 FROM windows WHERE number = ?", (window,)).fetchone() is None:
        return None
    rows = connection.execute(
        "SELECT event_index, state, code, first_attempt_at FROM events WHERE window = ?", (window,)
    ).fetchall()
    return WindowProgress(
        accepted=read_receipts(connection, window),
        failed=frozenset(row[0] for row in rows if row[1] == EventState.FAILED and row[2] != SKIPPED),
        skipped=frozenset(row[0] for row in rows if row[1] == EventState.FAILED and row[2] == SKIPPED),
        in_doubt={row[0]: row[3] for row in rows if row[1] == EventState.IN_DOUBT},
        parts=_read_parts(connection, window, retry_failed=retry_failed),
        retry_failed=retry_failed,
    )


def _read_parts(
    connection: sqlite3.Connection, window: int, *, retry_failed: bool
) -> dict[int, list[PartResult]]:
    rows = connection.execute(
        "SELECT event_index, first_record, records, state, token, event_id, code, message FROM parts"
        " WHERE window = ? AND (state <> 'failed' OR NOT ?)",
        (window, retry_failed),
    )
    parts: defaultdict[int, list[PartResult]] = defaultdict(list)
    for index, first, count, state, *words in rows.fetchall():
        parts[index].append(PartResult(Part(first, count), PartState(state), *words))
    return dict(parts)


def read_settled_windows(
    connection: sqlite3.Connection, *, retry_failed: bool
) -> dict[int, Mapping[int, int]]:
    """Return the windows without an event that this run would send: their rows by file, by window number."""
    # Without --retry-failed a failed event is settled; with it, only if the user chose to skip it.
    rows = connection.execute(
        "SELECT window, slice_files.file, sum(slice_files.rows_read)"
        " FROM slice_files JOIN windows ON windows.number = window"
        " WHERE is_whole AND accepted + (SELECT count(*) FROM events"
        "  WHERE events.window = windows.number AND state = 'failed' AND (code = ? OR NOT ?)) = events"
        " GROUP BY window, slice_files.file",
        (SKIPPED, retry_failed),
    )
    settled: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for window, file, count in rows:
        settled[window][file] = count
    return dict(settled)


def read_known_rows(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the number of rows of each file that was planned to its end, by file number."""
    rows = connection.execute(
        "SELECT file, sum(rows_read) FROM slice_files GROUP BY file"
        " HAVING max(last_of_file) AND sum(rows_read) = max(first_row + rows_read)"
    )
    return dict(rows.fetchall())


def read_held_groups(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the groups with a failed event that the user did not skip."""
    rows = connection.execute(
        "SELECT DISTINCT event_group FROM events WHERE state = 'failed' AND code <> ?", (SKIPPED,)
    )
    return frozenset(row[0] for row in rows.fetchall())


def count_in_doubt(connection: sqlite3.Connection, before: float) -> int:
    """Count the events in doubt that may have reached the service before a time in epoch seconds."""
    ((count,),) = connection.execute(
        "SELECT count(*) FROM events JOIN windows ON windows.number = events.window"
        " WHERE state = 'in_doubt' AND first_attempt_at < ?",
        (before,),
    )
    return int(count)
