"""The ledger: every received Send call in order, with its result.

It has one row per attempt, which is never changed. The counts are kept besides the rows, so that a summary
needs no query. Another process can judge a load from the file alone.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from loader.emulator.store.sqlite_file import open_sqlite

ACCEPTED = "accepted"
REPLAYED = "replayed"
THROTTLED = "throttled"
TOKEN_CONFLICT = "token_conflict"  # noqa: S105 - a verdict, not a secret


@dataclass(slots=True)
class LedgerRow:
    """One attempt: a row of table ``attempts``, filled in while the call is processed.

    Attributes:
        seq: Number in order of arrival, from 1.
        at: The emulator's clock, epoch seconds.
        instance_id: Instance.
        event_type: Event type.
        event_group: eventGroupId.
        client_token: clientToken; empty without one.
        data_sha256: Hex digest of the UTF-8 bytes of ``data``.
        data_bytes: Number of these bytes.
        event_timestamp: eventTimestamp, or None.
        dataset: ARN of the target dataset; empty for typed events.
        operation: APPEND, UPSERT or DELETE; empty for typed events.
        event_id: The receipt, or None.
        verdict: accepted, replayed, throttled, token_conflict, rejected:CODE or fault:NAME.
        fault: The fault from the fault plan, or empty.
        overlapped: 1 if another event of its group was in flight when it arrived, else 0.
    """

    seq: int
    at: float
    instance_id: str = ""
    event_type: str = ""
    event_group: str = ""
    client_token: str = ""
    data_sha256: str = ""
    data_bytes: int = 0
    event_timestamp: float | None = None
    dataset: str = ""
    operation: str = ""
    event_id: str | None = None
    verdict: str = ""
    fault: str = ""
    overlapped: int = 0


_COLUMN_TYPES = """
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, instance_id TEXT NOT NULL, event_type TEXT NOT NULL,
    event_group TEXT NOT NULL, client_token TEXT NOT NULL, data_sha256 TEXT NOT NULL,
    data_bytes INTEGER NOT NULL, event_timestamp REAL, dataset TEXT NOT NULL, operation TEXT NOT NULL,
    event_id TEXT, verdict TEXT NOT NULL, fault TEXT NOT NULL, overlapped INTEGER NOT NULL
"""
_INDEX = "CREATE UNIQUE INDEX IF NOT EXISTS receipts ON attempts (event_id) WHERE verdict = 'accepted'"
_LIST_INDEX = """
CREATE INDEX IF NOT EXISTS listed ON attempts (instance_id, seq, at, event_type, fault, verdict)
WHERE verdict = 'accepted'"""
_COLUMNS = [column.name for column in fields(LedgerRow)]
_as_values = attrgetter(*_COLUMNS)


@dataclass(frozen=True, slots=True)
class Listing:
    """Selects accepted events for List.

    Attributes:
        instance_id: Only of this instance.
        event_type: Only of this type; None for all types.
        since: Only accepted at this time or later, in epoch seconds.
    """

    instance_id: str
    event_type: str | None
    since: float


class RowTable:
    """A table of ledger rows. Call every method from the writer thread.

    Args:
        connection: The SQLite file.
        name: Name of the table; it is created if it does not exist.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._insert = f"INSERT INTO {name} VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - a constant
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({_COLUMN_TYPES})")

    def insert(self, rows: Iterable[LedgerRow]) -> None:
        """Add rows in the open transaction."""
        self._connection.executemany(self._insert, map(_as_values, rows))

    def find(self, condition: str, values: Sequence[Any]) -> list[LedgerRow]:
        """Return the rows that satisfy an SQL condition."""
        query = f"SELECT * FROM {self._name} WHERE {condition}"  # noqa: S608 - conditions are this folder's
        return [LedgerRow(*row) for row in self._connection.execute(query, values)]

    def page(self, after_seq: int, limit: int) -> list[LedgerRow]:
        """Return up to ``limit`` rows that arrived after ``after_seq``, in order of arrival."""
        return self.find("seq > ? ORDER BY seq LIMIT ?", (after_seq, limit))


class LedgerFile:
    """The table of attempts. Call every method from the writer thread.

    Receipts are random, so their index costs more than the rows themselves. The indexes are created at the
    first Get or List (some seconds for a million rows) and updated from then on.

    Args:
        path: SQLite file, continued if it holds a ledger; None keeps the table in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._connection = open_sqlite(path)
        self._table = RowTable(self._connection, "attempts")
        self._has_index = False

    def append(self, rows: Iterable[LedgerRow]) -> None:
        """Add rows and commit them."""
        self._connection.execute("BEGIN")
        self._table.insert(rows)
        self._connection.execute("COMMIT")

    def page(self, after_seq: int, limit: int) -> list[LedgerRow]:
        """Return up to ``limit`` rows that arrived after ``after_seq``, in order of arrival."""
        return self._table.page(after_seq, limit)

    def event(self, instance_id: str, event_id: str, since: float) -> LedgerRow | None:
        """Return the accepted attempt with this receipt if it is not older than ``since``."""
        self._make_indexes()
        found = self._table.find(
            "verdict = 'accepted' AND event_id = ? AND instance_id = ? AND at >= ? AND fault <> 'forgotten'",
            (event_id, instance_id, since),
        )
        return found[0] if found else None

    def listed(self, listing: Listing, order: str, before: str, limit: int) -> list[LedgerRow]:
        """Return a page of accepted attempts.

        Args:
            listing: The selection.
            order: ``newest``, ``oldest`` or ``mixed`` (by event id).
            before: Number of events before the page, or for ``mixed`` the last event id; or empty.
            limit: Maximum number of rows.
        """
        self._make_indexes()
        condition = (
            "verdict = 'accepted' AND instance_id = ?1 AND at >= ?2 AND fault <> 'forgotten'"
            " AND (?3 IS NULL OR event_type = ?3)"
        )
        values: tuple[Any, ...] = (listing.instance_id, listing.since, listing.event_type)
        if order == "mixed":
            return self._table.find(
                f"{condition} AND event_id > ?4 ORDER BY event_id LIMIT ?5", (*values, before, limit)
            )
        direction = "DESC" if order == "newest" else "ASC"
        page = f"SELECT seq FROM attempts WHERE {condition} ORDER BY seq {direction} LIMIT ?4 OFFSET ?5"  # noqa: S608 - constants
        return self._table.find(
            f"seq IN ({page}) ORDER BY seq {direction}", (*values, limit, int(before or 0))
        )

    def _make_indexes(self) -> None:
        if not self._has_index:
            self._connection.execute(_INDEX)
            self._connection.execute(_LIST_INDEX)
            self._has_index = True

    def close(self) -> None:
        """Close the file, and merge its write-ahead log into it."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """The ledger in numbers.

    Attributes:
        attempts: Received Send calls.
        verdicts: Number of calls per verdict.
        accepted: Accepted events.
        accepted_tokens: Distinct client tokens among them; fewer than ``accepted`` means a duplicate.
        data_bytes: Bytes of data accepted.
    """

    attempts: int
    verdicts: dict[str, int]
    accepted: int
    accepted_tokens: int
    data_bytes: int


class LedgerCounts:
    """The running counts of a ledger."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._tokens: set[str] = set()
        self._untokened = 0
        self._data_bytes = 0
        self.attempts = 0

    def count(self, row: LedgerRow) -> None:
        """Count one attempt."""
        self.attempts = max(self.attempts, row.seq)
        self._verdicts[row.verdict] += 1
        if row.verdict != ACCEPTED:
            return
        self._data_bytes += row.data_bytes
        if row.client_token:
            self._tokens.add(row.client_token)
        else:
            self._untokened += 1

    def summary(self) -> LedgerSummary:
        """Return the counts so far."""
        return LedgerSummary(
            attempts=self.attempts,
            verdicts=dict(self._verdicts),
            accepted=self._verdicts[ACCEPTED],
            accepted_tokens=len(self._tokens) + self._untokened,
            data_bytes=self._data_bytes,
        )
