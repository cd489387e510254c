"""The ledger converts a batch of entries into the changes of one transaction.

Rules kept here:

1. An acceptance is final. No later entry deletes a receipt or adds a row for the same event.
2. An event that was held back (unprocessed) keeps the result of an earlier run.
3. The result of a part is final too, except that a later run may accept or divide a failed part.
4. The marks of a window are deleted in the transaction that writes the last answer to its events.

After an exception, the ledger may differ from the file and must not be used again.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loader.checkpoint.doubt import answered
from loader.checkpoint.queries import pack_indexes, stored_rows
from loader.checkpoint.receipts import RECEIPT_BYTES, has_receipt, write_receipts
from loader.checkpoint.writing.entries import (
    AcceptedEvent,
    Durable,
    EventPutAside,
    EventsMarked,
    EventsNamed,
    PartNoted,
    SliceOpened,
    WriterCall,
)
from loader.checkpoint.writing.runs import RunRecord, begin_run

WriterEntry = (
    AcceptedEvent
    | SliceOpened
    | EventsMarked
    | EventsNamed
    | EventPutAside
    | PartNoted
    | WriterCall
    | Durable
)

ADD_TO_WINDOW = """
INSERT INTO windows (number, file, first_row, rows_read, rows_filtered, rows_rejected, records,
                     rows_filtered_unknown, events, slices, is_whole, opened_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
ON CONFLICT (number) DO UPDATE SET
    rows_read = rows_read + excluded.rows_read, rows_filtered = rows_filtered + excluded.rows_filtered,
    rows_rejected = rows_rejected + excluded.rows_rejected, records = records + excluded.records,
    rows_filtered_unknown = rows_filtered_unknown + excluded.rows_filtered_unknown,
    events = events + excluded.events, slices = slices + 1, is_whole = excluded.is_whole"""
INSERT_SLICE = """
INSERT INTO slices (window, number, first_index, events, ends_window, plan_digest, places)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
INSERT_SLICE_FILE = """
INSERT INTO slice_files (window, slice, file, first_row, rows_read, rows_filtered, rows_rejected, records,
                         last_of_file, rows_filtered_unknown, lines_swallowed, rows_elsewhere)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
WRITE_COUNTS = "UPDATE windows SET accepted = ?, finished_at = ? WHERE number = ?"
READ_RECEIPTS = "SELECT event_ids FROM receipts WHERE window = ?"
WRITE_RECEIPTS = "INSERT OR REPLACE INTO receipts (window, event_ids) VALUES (?, ?)"
INSERT_ODD = "INSERT INTO odd_receipts (window, event_index, event_id) VALUES (?, ?, ?)"
INSERT_REJECTED = "INSERT INTO rejected (file, row, column, code, reason, value) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_MARK = "INSERT INTO marks (window, number, marked_at, indexes) VALUES (?, ?, ?, ?)"
DELETE_ROW = "DELETE FROM events WHERE window = ? AND event_index = ?"
NAME_EVENT = """
UPDATE events SET token = ?, file = ?, first_row = ?, last_file = ?, last_row = ?, rows = ?, rows_by_file = ?,
                  event_group = ?
WHERE window = ? AND event_index = ?"""
NOTE_PART = """
INSERT INTO parts (window, event_index, first_record, records, token, state, event_id, file, first_row,
                   last_file, last_row, rows_by_file, code, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (window, event_index, first_record, records) DO UPDATE SET
    state = excluded.state, event_id = excluded.event_id, code = excluded.code, message = excluded.message
WHERE state = 'failed'"""
# The CASEs on 'unprocessed' keep rule 2. The time of the first attempt is the earliest of all runs. Only if
# the doubt is new, it is the time of this run: the attempts of earlier runs were answered, so only the age of
# the doubt matters. If no attempt of an event in doubt is known, the time is that of the window's first mark.
PUT_ASIDE = """
INSERT INTO events (token, state, window, event_index, file, first_row, last_file, last_row, rows,
                    rows_by_file, event_group, code, message, attempts, first_attempt_at, last_attempt_at,
                    run)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
        CASE ?2 WHEN 'in_doubt' THEN coalesce(?15, (SELECT min(marked_at) FROM marks
                                                    WHERE window = ?3), ?17)
                ELSE ?15 END, ?16, ?18)
ON CONFLICT (window, event_index) DO UPDATE SET
    token = excluded.token, file = excluded.file, first_row = excluded.first_row,
    last_file = excluded.last_file, last_row = excluded.last_row, rows = excluded.rows,
    rows_by_file = excluded.rows_by_file, event_group = excluded.event_group,
    state = CASE excluded.state WHEN 'unprocessed' THEN state ELSE excluded.state END,
    code = CASE excluded.state WHEN 'unprocessed' THEN code ELSE excluded.code END,
    message = CASE excluded.state WHEN 'unprocessed' THEN message ELSE excluded.message END,
    attempts = attempts + excluded.attempts,
    first_attempt_at = CASE
        WHEN excluded.state = 'in_doubt' AND state <> 'in_doubt' THEN excluded.first_attempt_at
        ELSE coalesce(min(first_attempt_at, excluded.first_attempt_at),
                      first_attempt_at, excluded.first_attempt_at) END,
    last_attempt_at = coalesce(excluded.last_attempt_at, last_attempt_at),
    run = excluded.run"""


@dataclass(slots=True)
class OpenWindow:
    """A window with events that have no answer yet.

    Attributes:
        events: Number of its planned events.
        is_whole: Whether it was planned to its end.
        accepted: Number of accepted events.
        rows: The indexes that have a row, and whether the row is the final result of this run.
        final_rows: Number of rows that are final.
    """

    events: int
    is_whole: bool
    accepted: int = 0
    rows: dict[int, bool] = field(default_factory=dict)
    final_rows: int = 0

    @property
    def finished(self) -> bool:
        """Whether this run has a final result for each of its events."""
        return self.is_whole and self.accepted + self.final_rows == self.events

    def accept(self, indexes: Sequence[int]) -> list[int]:
        """Count events as accepted, and return the indexes of those with a row."""
        self.accepted += len(indexes)
        if not self.rows:
            return []
        had_row = [index for index in indexes if index in self.rows]
        self.final_rows -= sum(self.rows.pop(index) for index in had_row)
        return had_row

    def put_aside(self, index: int) -> None:
        """Count an event that was answered and not accepted."""
        self.final_rows += not self.rows.get(index, False)
        self.rows[index] = True


@dataclass(slots=True)
class Answers:
    """The answers to the events of one window in a batch.

    Attributes:
        event_ids: Receipts of accepted events, by index.
        put_aside: The events that were not accepted.
    """

    event_ids: dict[int, str] = field(default_factory=dict)
    put_aside: list[EventPutAside] = field(default_factory=list)


class Ledger:
    """Applies batches. It has the counts of open windows in memory, some hundred bytes each."""

    def __init__(self, connection: sqlite3.Connection, run: RunRecord) -> None:
        self._connection = connection
        self._run = run
        self._run_is_stored = False
        self._windows: dict[int, OpenWindow] = {}
        self._marks = 0

    def apply(self, batch: Iterable[WriterEntry], now: float) -> None:
        """Write a batch in the open transaction.

        Args:
            batch: Entries in the order of the inbox.
            now: Epoch seconds.

        Raises:
            sqlite3.Error: The write failed.
        """
        self._store_run()
        answers: defaultdict[int, Answers] = defaultdict(Answers)
        for entry in batch:
            if isinstance(entry, tuple):
                window, index, event_id = entry
                answers[window].event_ids[index] = event_id
            elif isinstance(entry, EventPutAside):
                answers[entry.window].put_aside.append(entry)
            elif isinstance(entry, WriterCall):
                self._write_answers(answers, now)
                answers.clear()
                entry.change(self._connection)
            else:
                self._apply_single(entry)
        self._write_answers(answers, now)

    def _store_run(self) -> None:
        if not self._run_is_stored:
            begin_run(self._connection, self._run)
            self._run_is_stored = True

    def _apply_single(self, entry: WriterEntry) -> None:
        connection = self._connection
        if isinstance(entry, EventsMarked):
            self._mark(entry)
        elif isinstance(entry, SliceOpened):
            self._open_slice(entry)
        elif isinstance(entry, EventsNamed):
            connection.executemany(NAME_EVENT, entry.values)
        elif isinstance(entry, PartNoted):
            connection.execute(NOTE_PART, entry.values)

    def _open_slice(self, entry: SliceOpened) -> None:
        connection, number = self._connection, entry.window
        window = self._windows.get(number) or self._reopen(number) or OpenWindow(0, is_whole=False)
        self._windows[number] = window
        connection.execute(ADD_TO_WINDOW, entry.window_values)
        connection.execute(INSERT_SLICE, entry.values)
        connection.executemany(INSERT_SLICE_FILE, entry.files)
        connection.executemany(INSERT_REJECTED, entry.rejected)
        if entry.events:
            (stored,) = connection.execute(READ_RECEIPTS, (number,)).fetchone() or (b"",)
            receipts = stored + bytes(RECEIPT_BYTES * entry.events)
            connection.execute(WRITE_RECEIPTS, (number, receipts))
        window.events += entry.events
        window.is_whole = entry.ends_window
        self._write_counts(number, window, entry.opened_at)

    def _mark(self, entry: EventsMarked) -> None:
        self._marks += 1
        indexes: defaultdict[int, list[int]] = defaultdict(list)
        for window, index in entry.places:
            indexes[window].append(index)
        self._connection.executemany(
            INSERT_MARK,
            [
                (window, self._marks, entry.marked_at, pack_indexes(of_window))
                for window, of_window in indexes.items()
            ],
        )

    def _write_answers(self, answers: Mapping[int, Answers], now: float) -> None:
        for number, of_window in answers.items():
            self._write_window(number, of_window, now)

    def _write_window(self, number: int, answers: Answers, now: float) -> None:
        connection = self._connection
        window = self._windows.get(number) or self._reopen(number)
        assert window is not None
        with connection.blobopen("receipts", "event_ids", number) as blob:
            added, odd = write_receipts(blob, answers.event_ids)
            rows = [entry for entry in answers.put_aside if not has_receipt(blob, entry.index)]
        # Each call of SQLite releases the lock of Python, and the event loop takes it. Most lists are empty.
        if had_row := window.accept(added):
            connection.executemany(DELETE_ROW, [(number, index) for index in had_row])
        if odd:
            connection.executemany(INSERT_ODD, [(number, index, text) for index, text in odd.items()])
        for entry in rows:
            window.put_aside(entry.index)
        if rows:
            connection.executemany(PUT_ASIDE, [(*entry.values, now, self._run.number) for entry in rows])
        self._write_counts(number, window, now)

    def _write_counts(self, number: int, window: OpenWindow, now: float) -> None:
        if window.finished:
            self._connection.execute("DELETE FROM marks WHERE window = ?", (number,))
            del self._windows[number]
        finished_at = now if window.finished else None
        self._connection.execute(WRITE_COUNTS, (window.accepted, finished_at, number))

    def _reopen(self, number: int) -> OpenWindow | None:
        """Load the counts of a window that an earlier run planned, or that was already finished."""
        stored = self._connection.execute(
            "SELECT events, is_whole, accepted FROM windows WHERE number = ?", (number,)
        ).fetchone()
        if stored is None:
            return None
        events, is_whole, accepted = stored
        rows = stored_rows(self._connection, number)
        final = answered(rows, run=self._run.number, retry_failed=self._run.retry_failed)
        window = OpenWindow(
            events, bool(is_whole), accepted, {index: index in final for index in rows}, len(final)
        )
        self._windows[number] = window
        return window
