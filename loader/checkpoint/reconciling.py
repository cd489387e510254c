"""Check that the parts of a checkpoint agree when it is opened.

The stored counts are compared with the receipts. Parts disagree if the file and its write-ahead log were
copied at different times, or if two processes wrote on a file system without locks. SQLite's own check does
not find such faults.

Rules kept here:

1. An event with a receipt is accepted.
2. If any parts disagree, marks may be missing too. Every event of an unfinished window without a receipt and
   without another answer is then in doubt since its window was opened.
3. Receipts of missing windows (*strays*) are kept until the user decides about their events.
"""

import sqlite3
from dataclasses import dataclass

from loader.checkpoint.doubt import PARTS_DISAGREE
from loader.checkpoint.receipts import NO_RECEIPT, RECEIPT_BYTES, Receipts

LEAVE_IN_DOUBT = """
INSERT INTO events (state, window, event_index, file, code, message, attempts, first_attempt_at, run)
SELECT 'in_doubt', number, ?2, file, ?4, ?6, 0, ?3, ?5
FROM windows WHERE number = ?1
ON CONFLICT (window, event_index) DO UPDATE SET
    first_attempt_at = CASE state WHEN 'in_doubt' THEN min(first_attempt_at, excluded.first_attempt_at)
                                  ELSE excluded.first_attempt_at END,
    state = 'in_doubt', code = excluded.code, message = excluded.message, run = excluded.run"""

OF_WINDOWS = ("receipts", "odd_receipts", "events", "parts", "marks", "slices", "slice_files")
"""The tables in which each row belongs to a window."""

RECOUNT_SLICES = """
UPDATE windows SET
    events = coalesce((SELECT sum(slices.events) FROM slices WHERE window = windows.number), 0),
    slices = (SELECT count(*) FROM slices WHERE window = windows.number),
    is_whole = coalesce((SELECT max(ends_window) FROM slices WHERE window = windows.number), 0)
WHERE (events, slices, is_whole) <>
      (SELECT coalesce(sum(slices.events), 0), count(*), coalesce(max(ends_window), 0) FROM slices
       WHERE window = windows.number)"""

RECOUNTED = """
SELECT number, events, accepted, opened_at, (SELECT event_ids FROM receipts WHERE window = number),
       (SELECT count(*) FROM events WHERE window = number)
FROM windows"""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The result of the comparison of the parts of a checkpoint.

    Attributes:
        windows: Number of windows whose counts and receipts disagreed.
        in_doubt: Number of events that are in doubt for this reason.
        stray_events: Number of events of windows of which only receipts are left.
        strays_since: Epoch seconds since when these may have been sent, or None if there are none.
    """

    windows: int = 0
    in_doubt: int = 0
    stray_events: int = 0
    strays_since: float | None = None


def reconcile(connection: sqlite3.Connection, run: int) -> Disagreement:
    """Correct the counts by the receipts, in the open transaction.

    Args:
        connection: The checkpoint.
        run: Number of the last run, which left the checkpoint in this state.
    """
    wrong = connection.execute(RECOUNT_SLICES).rowcount
    unfinished: list[tuple[int, int, float, bytes]] = []
    for number, events, accepted, opened_at, stored, rows in connection.execute(RECOUNTED).fetchall():
        receipts = stored if len(stored or b"") == events * RECEIPT_BYTES else None
        if receipts is None:
            receipts = bytes(events * RECEIPT_BYTES)
            if events:
                connection.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?)", (number, receipts))
        counted = _count(receipts, events)
        doubled = _without_receipts(connection, number, events, receipts) if rows else 0
        if counted != accepted or doubled or (stored is None and events):
            wrong += 1
            connection.execute("UPDATE windows SET accepted = ? WHERE number = ?", (counted, number))
        if counted + rows - doubled < events:
            unfinished.append((number, events, opened_at, receipts))
    stray_events, since = _strays(connection)
    if not wrong and since is None:
        return Disagreement()
    return Disagreement(wrong, _leave_in_doubt(connection, unfinished, run), stray_events, since)


def drop_strays(connection: sqlite3.Connection) -> None:
    """Delete the receipts of missing windows, so that these windows are planned and sent again."""
    for table in OF_WINDOWS:
        connection.execute(f"DELETE FROM {table} WHERE window NOT IN (SELECT number FROM windows)")  # noqa: S608


def _count(receipts: bytes, events: int) -> int:
    if NO_RECEIPT not in receipts:
        return events  # true of most windows; a check of each receipt takes a hundred times as long
    return sum(1 for _ in Receipts(receipts))


def _without_receipts(connection: sqlite3.Connection, window: int, events: int, receipts: bytes) -> int:
    """Delete the rows of accepted and of nonexistent events, and return their number."""
    accepted = Receipts(receipts)
    indexes = connection.execute("SELECT event_index FROM events WHERE window = ?", (window,)).fetchall()
    wrong = [(window, index) for (index,) in indexes if index in accepted or index >= events]
    connection.executemany("DELETE FROM events WHERE window = ? AND event_index = ?", wrong)
    return len(wrong)


def _strays(connection: sqlite3.Connection) -> tuple[int, float | None]:
    found = connection.execute(
        "SELECT coalesce(sum(length(event_ids)), 0), count(*) FROM receipts"
        " WHERE window NOT IN (SELECT number FROM windows)"
    ).fetchone()
    others = 0
    for table in OF_WINDOWS[1:]:
        query = f"SELECT count(*) FROM {table} WHERE window NOT IN (SELECT number FROM windows)"  # noqa: S608 - ours
        others += connection.execute(query).fetchone()[0]
    if not found[1] and not others:
        return 0, None
    ((created_at,),) = connection.execute("SELECT created_at FROM load").fetchall()
    return max(found[0] // RECEIPT_BYTES, 1), created_at


def _leave_in_doubt(
    connection: sqlite3.Connection, windows: list[tuple[int, int, float, bytes]], run: int
) -> int:
    left = 0
    for window, events, since, stored in windows:
        receipts = Receipts(stored)
        known = set(
            connection.execute("SELECT event_index FROM events WHERE window = ?", (window,)).fetchall()
        )
        doubtful = [index for index in range(events) if index not in receipts and (index,) not in known]
        message = "The parts of the checkpoint did not agree: it may have been sent."
        connection.executemany(
            LEAVE_IN_DOUBT, [(window, index, since, PARTS_DISAGREE, run, message) for index in doubtful]
        )
        left += len(doubtful)
    return left
