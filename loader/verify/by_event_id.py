"""Find receipts by event id among millions, in constant memory.

The receipts are in a temporary SQLite file, which SQLite keeps in memory while it is small, and deletes
itself. The key of a receipt is the first 8 bytes of its UUID. If two receipts share them (probability 1 in
20,000 for 10 million), the second is not found here; verify then asks about it with Get.
"""

import sqlite3
import uuid
from collections.abc import Iterable
from itertools import islice
from types import TracebackType
from typing import Self

from loader.checkpoint.verdicts import Receipt

AT_ONCE = 100_000
"""Receipts sorted in memory before they are written."""

_CACHE_KIB = 32_768


class ReceiptsByEventId:
    """Finds receipts; a context manager."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(
            "CREATE TABLE receipts (id INTEGER PRIMARY KEY, window INTEGER, event_index INTEGER,"
            " first_record INTEGER)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, receipts: Iterable[Receipt]) -> int:
        """Add receipts, except those that are not UUIDs. Return how many were given."""
        remaining = iter(receipts)
        count = 0
        while some := list(islice(remaining, AT_ONCE)):
            count += len(some)
            rows = sorted(
                (key, each.window, each.index, -1 if each.first_record is None else each.first_record)
                for each in some
                if (key := _key(each.event_id)) is not None
            )
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        return count

    def find(self, event_id: str) -> Receipt | None:
        """Return the receipt with an event id; None if it is not found."""
        key = _key(event_id)
        row = self._connection.execute(
            "SELECT window, event_index, nullif(first_record, -1) FROM receipts WHERE id = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        window, index, first_record = row
        return Receipt(window, index, first_record, event_id)


def _key(event_id: str) -> int | None:
    try:
        return int.from_bytes(uuid.UUID(event_id).bytes[:8], signed=True)
    except ValueError:
        return None
