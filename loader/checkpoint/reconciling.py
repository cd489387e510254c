"""Whether the parts of a checkpoint agree, found out when it is opened.

Counts are derived from receipts, never believed. Parts disagree after a copy of the file and its log that
were not taken at one moment, or after two writers on a file system without locks. SQLite's own check sees
none of it.

Rules kept here:

1. A receipt is believed: its event is accepted.
2. If anything disagrees, every event of an unfinished window that has neither a receipt nor another answer is
   in doubt since its window was opened: marks may be missing as well.
3. Receipts of windows that are not there (*strays*) are kept until it is decided what becomes of their
   events.
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
"""The tables whose rows belong to a window."""

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
    """What was found when the parts of a checkpoint were compared.

    Attributes:
        windows: How many windows had other counts than their receipts.
        in_doubt: How many events are in doubt for that.
        stray_events: How many events windows had of which nothing but receipts is left.
        strays_since: Epoch seconds from which on these may have been sent; None if there are none.
    """

    windows: int = 0
    in_doubt: int = 0
    stray_events: int = 0
    strays_since: float | None = None


def reconcile(connection: sqlite3.Connection, run: int) -> Disagreement:
    """Make the counts agree with the receipts, in the transaction that is open.

    Args:
        connection: The checkpoint.
        run: Number of the last run, which left it like this.
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
    """Forget the receipts of windows that are not there: these are planned and sent again."""
    for table in OF_WINDOWS:
        connection.execute(f"DELETE FROM {table} WHERE window NOT IN (SELECT number FROM windows)")  # noqa: S608


def _count(receipts: bytes, events: int) -> int:
    if NO_RECEIPT not in receipts:
        return events  # most windows; a look at each receipt takes a hundred times as long
    return sum(1 for _ in Receipts(receipts))


def _without_receipts(connection: sqlite3.Connection, window: int, events: int, receipts: bytes) -> int:
    """Delete rows of accepted events, and of events that there are not; return how many that was."""
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
