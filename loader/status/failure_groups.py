"""Rejected rows and failed events of a load, grouped by their cause."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter

SHOWN_GROUPS = 20
SHOWN_PLACES = 3

FAILED_EVENTS = """
SELECT code, message, number, path, first_row FROM (
    SELECT code, message, path, first_row + rows_before AS first_row,
           count(*) OVER (PARTITION BY code, message) AS number,
           row_number() OVER (PARTITION BY code, message ORDER BY window, event_index, first_record) AS place
    FROM failures JOIN files ON files.number = failures.file
) WHERE place <= :places ORDER BY number DESC, code, message, place"""

REJECTED_ROWS = """
SELECT column, reason, number, path, row FROM (
    SELECT column, reason, path, row + rows_before AS row,
           count(*) OVER (PARTITION BY column, reason) AS number,
           row_number() OVER (PARTITION BY column, reason ORDER BY file, row) AS place
    FROM rejected JOIN files ON files.number = rejected.file
) WHERE place <= :places ORDER BY number DESC, column, reason, place"""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Rejected rows, or events not accepted, with the same cause.

    Attributes:
        kind: For rows the column, for events the error code.
        reason: For rows the reason, for events the message of the service (it may contain row data).
        count: Number of rows or events.
        first: Path and row (from 0; in a sheet from its top) of the first few.
    """

    kind: str
    reason: str = field(repr=False)
    count: int
    first: Sequence[tuple[str, int]]


def failure_groups(connection: sqlite3.Connection, query: str) -> list[FailureGroup]:
    """Return the rows of the query ``FAILED`` or ``REJECTED``, grouped by their first three columns."""
    cursor = connection.execute(query, {"places": SHOWN_PLACES})
    groups = groupby(cursor, key=itemgetter(0, 1, 2))
    return [
        FailureGroup(kind, reason, count, [(row[3], row[4]) for row in rows])
        for (kind, reason, count), rows in islice(groups, SHOWN_GROUPS)
    ]
