"""What the user decides about events in doubt, as changes of a checkpoint."""

import sqlite3

from loader.checkpoint.doubt import SKIPPED


def resend(connection: sqlite3.Connection, before: float, now: float, *, skipped_too: bool) -> None:
    """Let events in doubt be sent again, as if in doubt since now.

    Args:
        connection: The checkpoint, in a transaction.
        before: Epoch seconds; the first attempt of the events was earlier.
        now: Epoch seconds.
        skipped_too: Whether events that were skipped earlier are sent again as well.
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
    """Count events in doubt as failed, never to be sent again.

    Args:
        connection: The checkpoint, in a transaction.
        before: Epoch seconds; the first attempt of the events was earlier.
    """
    connection.execute(
        "UPDATE events SET state = 'failed', code = ?, message = ?"
        " WHERE state = 'in_doubt' AND first_attempt_at < ?",
        (SKIPPED, "In doubt for longer than its token lives; skipped on request.", before),
    )
