"""Record the events that another machine may have sent after the last copy of its checkpoint was made.

A copy contains the state that was durable at its time T. Its writer continued: it may have sent events that
the copy does not mark, and their answers are lost. It only sent events of windows below its *horizon*. The
copy does not show which events these are. So after a copy was restored:

1. An event without an answer, of a window that the copy contains, is in doubt since T, or since the mark that
   names it.
2. An event of a window that the copy does not contain is in doubt since T too. This is recorded as a *gap*,
   because such a window has no row until it is planned again.
3. An event of the window of the horizon, or of a later one, was not sent.
4. If gaps overlap, the earliest T counts.
"""

import sqlite3

from loader.checkpoint.doubt import LOST_ANSWER, answered
from loader.checkpoint.progress import Gap, doubt_since, read_gaps
from loader.checkpoint.queries import left_in_doubt, read_receipts, stored_rows
from loader.checkpoint.reconciling import LEAVE_IN_DOUBT

LOST_MACHINE = "Its machine may have sent it after the last copy of the checkpoint was made."

UNFINISHED = "SELECT number, events FROM windows WHERE accepted < events AND number < ?"

LAST_RUN = "SELECT number, retry_failed FROM runs ORDER BY number DESC LIMIT 1"


def leave_gap(connection: sqlite3.Connection, gap: Gap) -> int:
    """Record as in doubt the events that may have been sent after the copy was made. Return their number.

    A repeated call changes nothing.

    Args:
        connection: The restored copy, in autocommit mode.
        gap: The time of the copy, and the horizon of its writer.
    """
    connection.execute("BEGIN IMMEDIATE")
    gaps = [*read_gaps(connection), gap]
    run, retry_failed = connection.execute(LAST_RUN).fetchone() or (0, 0)
    marked = left_in_doubt(connection)  # first, because a mark is older than the copy that contains it
    connection.executemany(LEAVE_IN_DOUBT, [(*each, LOST_ANSWER, run, LOST_MACHINE) for each in marked])
    left = len(marked)
    for window, events in connection.execute(UNFINISHED, (gap.below_window,)).fetchall():
        since = min(doubt_since(gaps, window) or gap.since, gap.since)
        accepted = read_receipts(connection, window)
        answers = answered(stored_rows(connection, window), run=run, retry_failed=bool(retry_failed))
        doubtful = [index for index in range(events) if index not in accepted and index not in answers]
        connection.executemany(
            LEAVE_IN_DOUBT, [(window, index, since, LOST_ANSWER, run, LOST_MACHINE) for index in doubtful]
        )
        left += len(doubtful)
    if gap not in gaps[:-1]:
        connection.execute(
            "INSERT INTO gaps (since, below_window) VALUES (?, ?)", (gap.since, gap.below_window)
        )
    connection.execute("COMMIT")
    return left
