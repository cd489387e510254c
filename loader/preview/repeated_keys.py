"""Primary keys of more than one record: the later record overwrites the earlier one.

A key is represented by its 64-bit hash (BLAKE2b): eight bytes for a key of any length. The probability that
two different keys share a hash is one in a million for six million keys, one in three thousand for a hundred
million.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from loader.events import SliceRecords

NAMED = 5
"""Number of repeated keys that are shown with their places."""

_CREATE = """
CREATE TABLE keys (hash INTEGER PRIMARY KEY, records INTEGER, file INTEGER, row INTEGER,
                   again_file INTEGER, again_row INTEGER)"""
_ADD = """
INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET
    records = records + excluded.records,
    again_row = iif(again_file IS NULL, excluded.row, again_row),
    again_file = coalesce(again_file, excluded.file)"""
_TOTALS = "SELECT count(*), coalesce(sum(records - 1), 0) FROM keys WHERE records > 1"
_PLACES = "SELECT records, file, row, again_file, again_row FROM keys WHERE records > 1 ORDER BY file, row"


_Place = tuple[int | None, int | None]
"""A file and a row in it, or None."""


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A primary key of more than one record.

    Attributes:
        records: Number of records with it.
        file: Number of the file with the first of them.
        row: Position of the first of them in that file, from 0.
        again_file: Number of the file with the second.
        again_row: Position of the second in that file, from 0.
    """

    records: int
    file: int
    row: int
    again_file: int
    again_row: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """All repeated primary keys of a load.

    Attributes:
        keys: Number of keys of more than one record.
        extra_records: Number of records whose key an earlier record has.
        first: The first repeated keys, with their places.
    """

    keys: int
    extra_records: int
    first: tuple[RepeatedKey, ...]


def count_keys(
    connection: sqlite3.Connection,
) -> tuple[Callable[[SliceRecords], None], Callable[[], Repeats]]:
    """Return a function to call with the records of each window, and a function that returns the result."""
    connection.execute(_CREATE)

    def add(records: SliceRecords) -> None:
        # Of each key in the slice: records, place of the first, place of the second.
        seen: dict[int, tuple[int, _Place, _Place]] = {}
        places = zip(records.frame["file"], records.frame["row"], strict=True)
        for key, place in zip(records.keys or (), places, strict=False):
            digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
            count, first, second = seen.get(digest, (0, place, (None, None)))
            seen[digest] = (count + 1, first, place if count == 1 else second)
        rows = [(digest, count, *first, *again) for digest, (count, first, again) in sorted(seen.items())]
        connection.execute("BEGIN")
        connection.executemany(_ADD, rows)
        connection.execute("COMMIT")

    def result() -> Repeats:
        keys, extra = connection.execute(_TOTALS).fetchone()
        first = connection.execute(f"{_PLACES} LIMIT {NAMED}").fetchall()
        return Repeats(keys, extra, tuple(RepeatedKey(*row) for row in first))

    return add, result
