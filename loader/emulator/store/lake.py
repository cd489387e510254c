"""The lake: the accepted records, one SQLite table per dataset, for inspection.

A dataset of namespace ``asc`` is a table with its name and all its columns. Any other dataset is the table
``namespace.name``, whose columns appear with the records that have them. Every value is TEXT; numbers keep
their spelling. The operations follow docs/service.md 3.2:

* APPEND adds the records.
* UPSERT replaces all records with the same key by the last one; a column that it lacks becomes null.
* DELETE removes the records with the key.

The table ``emulator_accepted`` has the accepted calls, written in the same transaction as their records. So
if the process of an emulator is killed, its tokens match exactly the records in the lake.

The table ``emulator_resources`` holds datasets that were created, and tags, as one JSON document.

A dataset with partitions has the additional column ``emulator_partition``: UPSERT and DELETE find records
with the same key in the same partition only. A record without a value in a partition column is in the NULL
partition.

Typed events are treated as UPSERT. In a custom dataset without a known key, the whole record is the key.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from loader.emulator.store.ledger import ACCEPTED, LedgerRow, RowTable
from loader.emulator.store.sqlite_file import open_sqlite, quoted
from loader.model import Operation

ACCEPTED_TABLE = "emulator_accepted"
RESOURCES_TABLE = "emulator_resources"
PARTITION_COLUMN = "emulator_partition"

Partition = tuple[tuple[str, str], ...]
"""Columns and transforms (YEAR, MONTH, DAY, HOUR, IDENTITY) that partition a dataset."""

_DIGITS_OF = {"YEAR": 4, "MONTH": 7, "DAY": 10, "HOUR": 13}
"""Number of characters of an ISO 8601 timestamp up to the year, the month, the day, the hour."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table of the lake and the operation on it.

    Attributes:
        table: Its name.
        columns: Its columns; empty if the records determine them.
        key: Columns that identify a record; empty for the whole record.
        operation: The operation on the records.
        partition: Columns that partition the table, each with its transform.
    """

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    operation: Operation
    partition: Partition = ()


@dataclass(frozen=True, slots=True)
class Change:
    """The records of one accepted event.

    Attributes:
        target: Their target.
        data: The event's ``data``, checked to contain records.
    """

    target: Target
    data: str = field(repr=False)


class Lake:
    """The tables. Call every method from the writer thread.

    Args:
        path: SQLite file, continued if it is a lake; None keeps the tables in memory.

    Attributes:
        accepted: The accepted calls; None if the lake is in memory and ends with its process.
    """

    def __init__(self, path: Path | None) -> None:
        self._connection = open_sqlite(path)
        self.accepted = RowTable(self._connection, ACCEPTED_TABLE) if path is not None else None
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {RESOURCES_TABLE} (document TEXT NOT NULL)")
        self._columns: dict[str, list[str]] = {}
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN (?, ?)"
        for (table,) in self._connection.execute(tables, (ACCEPTED_TABLE, RESOURCES_TABLE)).fetchall():
            found = self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = [name for (name,) in found]

    def apply(self, changes: Iterable[Change], rows: Iterable[LedgerRow] = ()) -> None:
        """Apply changes in order, record the accepted calls among ``rows``, and commit both together."""
        self._connection.execute("BEGIN")
        try:
            for target, run in groupby(changes, key=attrgetter("target")):
                records = [record for change in run for record in _records(change.data)]
                self._add_columns(target, records)
                self._apply_run(target, records)
            if self.accepted is not None:
                self.accepted.insert(row for row in rows if row.verdict == ACCEPTED)
        except sqlite3.Error:
            if self._connection.in_transaction:  # a full disk has ended it
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def resources(self) -> str:
        """Return the last document that ``save_resources`` stored; empty if none."""
        found = self._connection.execute(f"SELECT document FROM {RESOURCES_TABLE}").fetchone()  # noqa: S608 - a constant
        return str(found[0]) if found else ""

    def save_resources(self, document: str) -> None:
        """Store created datasets and tags, and commit them."""
        self._connection.execute("BEGIN")
        self._connection.execute(f"DELETE FROM {RESOURCES_TABLE}")  # noqa: S608 - a constant
        self._connection.execute(f"INSERT INTO {RESOURCES_TABLE} VALUES (?)", (document,))  # noqa: S608 - a constant
        self._connection.execute("COMMIT")

    def counts(self) -> dict[str, int]:
        """Return the number of records in each table."""
        return {table: self.query(f"SELECT count(*) FROM {quoted(table)}")[0][0] for table in self._columns}  # noqa: S608 - quoted

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the result of an SQL query."""
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        """Close the file, and merge its write-ahead log into it."""
        self._connection.close()

    def _apply_run(self, target: Target, records: Sequence[dict[str, str | None]]) -> None:
        columns = self._columns[target.table]
        if target.partition:
            for record in records:
                record[PARTITION_COLUMN] = _partition(record, target.partition)
        rows = [tuple(map(record.get, columns)) for record in records]
        if target.operation is Operation.APPEND:
            self._insert(target.table, columns, rows)
            return
        key = (*target.key, *((PARTITION_COLUMN,) if target.partition else ())) if target.key else columns
        # A dict keeps the last record of each key, like a sequence of UPSERTs.
        latest = {tuple(map(record.get, key)): row for record, row in zip(records, rows, strict=True)}
        self._delete(target.table, key, latest)
        if target.operation is Operation.UPSERT:
            self._insert(target.table, columns, latest.values())

    def _insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", rows)  # noqa: S608 - quoted

    def _delete(self, table: str, key: Sequence[str], keys: Iterable[Sequence[str | None]]) -> None:
        # IS compares null with null, which a key without a value needs, and still uses the index.
        condition = " AND ".join(f"{quoted(column)} IS ?" for column in key)
        self._connection.executemany(f"DELETE FROM {quoted(table)} WHERE {condition}", keys)  # noqa: S608 - quoted

    def _add_columns(self, target: Target, records: Sequence[dict[str, str | None]]) -> None:
        columns = target.columns or tuple(dict.fromkeys(name for record in records for name in record))
        if target.partition:
            columns = (*columns, PARTITION_COLUMN)
        known = self._columns.get(target.table)
        table = quoted(target.table)
        if known is None:
            known = self._columns[target.table] = list(dict.fromkeys((*target.key, *columns)))
            spelled = ", ".join(f"{quoted(name)} TEXT" for name in known)
            self._connection.execute(f"CREATE TABLE {table} ({spelled})")
            if target.key:
                key = ", ".join(map(quoted, target.key))
                self._connection.execute(f"CREATE INDEX {quoted(target.table + ' key')} ON {table} ({key})")
            return
        for name in columns:
            if name not in known:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} TEXT")
                known.append(name)


def _partition(record: Mapping[str, str | None], partition: Partition) -> str | None:
    """Return the partition of a record as text; None for the NULL partition."""
    values = [_transformed(record.get(name), transform) for name, transform in partition]
    return None if all(value is None for value in values) else json.dumps(values)


def _transformed(value: str | None, transform: str) -> str | None:
    if value is None or transform == "IDENTITY":
        return value
    if value.lstrip("-").isdecimal():  # epoch milliseconds
        moment = datetime.fromtimestamp(int(value) / 1000, UTC)
    else:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()[: _DIGITS_OF[transform]]


def _records(data: str) -> list[dict[str, str | None]]:
    # Only the standard library's parser can keep the text of numbers.
    document = json.loads(data, parse_int=str, parse_float=str)
    return document if isinstance(document, list) else [document]
