"""Primary keys that more than one record carries: later ones overwrite earlier ones.

A key counts as its 64-bit hash (BLAKE2b): eight bytes for a key of any length. Two different keys are taken
for one with a chance of one in a million at six million keys, one in three thousand at a hundred million.
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
"""File and row in it, or nothing."""


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A primary key that more than one record carries.

    Attributes:
        records: How many do.
        file: Number of the file with the first of them.
        row: Position of the first of them in that file, from 0.
        again_file: Number of the file with the second.
        again_row: Position of the second.
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
        keys: How many keys more than one record carries.
        extra_records: How many records carry a key that an earlier one carries.
        first: The first ones, with their places.
    """

    keys: int
    extra_records: int
    first: tuple[RepeatedKey, ...]


def count_keys(
    connection: sqlite3.Connection,
) -> tuple[Callable[[SliceRecords], None], Callable[[], Repeats]]:
    """Return what to call with the records of each window, and what gives the result."""
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
