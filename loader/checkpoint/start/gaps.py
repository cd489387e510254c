"""What another machine may have sent after a copy of its checkpoint was taken.

A copy holds what was durable at its time T. Its writer went on: it may have sent events that the copy does
not mark, of windows below its horizon, and answers are lost. Nothing tells which. So after a copy was
restored:

1. An event without an answer, of a window that the copy holds, is in doubt since T, or since the mark that
   names it.
2. An event of a window that the copy does not hold is in doubt since T as well. That is written down as a
   *gap*, because such a window has no row before it is planned again.
3. An event of a window from the horizon on was not sent.
4. Where gaps overlap, the earliest T counts.
"""

import sqlite3

from loader.checkpoint.doubt import LOST_ANSWER, answered
from loader.checkpoint.progress import Gap, doubt_since, read_gaps
from loader.checkpoint.queries import left_in_doubt, read_receipts, stored_rows
from loader.checkpoint.reconciling import LEAVE_IN_DOUBT

LOST_MACHINE = "Its machine may have sent it after the last copy of the checkpoint was taken."

UNFINISHED = "SELECT number, events FROM windows WHERE accepted < events AND number < ?"

LAST_RUN = "SELECT number, retry_failed FROM runs ORDER BY number DESC LIMIT 1"


def leave_gap(connection: sqlite3.Connection, gap: Gap) -> int:
    """Leave in doubt what may have been sent after the copy was taken; return how many rows that made.

    It may be repeated without harm. The caller's connection is in autocommit mode.

    Args:
        connection: The restored copy.
        gap: When it was taken, and the horizon of its writer.
    """
    connection.execute("BEGIN IMMEDIATE")
    gaps = [*read_gaps(connection), gap]
    run, retry_failed = connection.execute(LAST_RUN).fetchone() or (0, 0)
    marked = left_in_doubt(connection)  # first: a mark is older than the copy that holds it
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
