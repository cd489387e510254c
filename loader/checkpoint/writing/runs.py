"""The rows of the runs of a load. A run writes its row with its first entry, and completes it at its end."""

import sqlite3
from dataclasses import dataclass

from loader.checkpoint.queries import RunEnd

BEGIN_RUN = "INSERT INTO runs (number, pid, retry_failed, started_at) VALUES (?, ?, ?, ?)"
END_RUN = """
UPDATE runs SET ended_at = ?, cause = ?, exit_code = ?, complete = ?, attempts = ?, throttled = ?,
                retried = ?, seconds = ? WHERE number = ?"""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The run that writes the checkpoint.

    Attributes:
        number: Number of the run among all runs of the load, from 1.
        pid: Its process id.
        retry_failed: Whether it sends failed events again.
        started_at: Its start, in epoch seconds.
    """

    number: int
    pid: int
    retry_failed: bool
    started_at: float


def begin_run(connection: sqlite3.Connection, run: RunRecord) -> None:
    """Write the row of a run that begins."""
    connection.execute(BEGIN_RUN, (run.number, run.pid, run.retry_failed, run.started_at))


def end_run(connection: sqlite3.Connection, run: RunRecord, end: RunEnd, now: float) -> None:
    """Complete the row of a run that ends at ``now`` (epoch seconds)."""
    numbers = (end.attempts, end.throttled, end.retried, end.seconds)
    connection.execute(END_RUN, (now, end.cause, end.exit_code, end.complete, *numbers, run.number))
    if end.graceful:
        connection.execute("DELETE FROM marks")
