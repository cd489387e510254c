"""Apply the user's decisions about events in doubt to a checkpoint."""

import sqlite3

from loader.checkpoint.doubt import SKIPPED, SKIPPED_MESSAGE


def resend(connection: sqlite3.Connection, before: float, now: float, *, skipped_too: bool) -> None:
    """Let old events in doubt be sent again. The age of their doubt then counts from now.

    Args:
        connection: The checkpoint, in a transaction.
        before: Epoch seconds. Events with an earlier first attempt are changed.
        now: Epoch seconds.
        skipped_too: Whether events that were skipped earlier are sent again too.
    """
    connection.execute(
        "UPDATE events SET first_attempt_at = ? WHERE state = 'in_doubt' AND first_attempt_at < ?",
        (now, before),
    )
    if skipped_too:
        connection.execute(
            "UPDATE events SET state = 'in_doubt', first_attempt_at = ? WHERE state = 'failed' AND code = ?",
            (now, SKIPPED),
        )


def skip(connection: sqlite3.Connection, before: float) -> None:
    """Record old events in doubt as failed, so that they are never sent again.

    Args:
        connection: The checkpoint, in a transaction.
        before: Epoch seconds. Events with an earlier first attempt are changed.
    """
    connection.execute(
        "UPDATE events SET state = 'failed', code = ?, message = ?"
        " WHERE state = 'in_doubt' AND first_attempt_at < ?",
        (SKIPPED, SKIPPED_MESSAGE, before),
    )
