"""The events of a measurement: generated records of one size, packed as the cell requires. Pure.

A measurement repeats the same few thousand records, so that the dataset stays small however long it takes. An
event does not contain a key twice. Each event has its own token, so that the service takes it as a new event.
"""

import hashlib
from collections.abc import Mapping
from itertools import chain, islice

import orjson

from loader.datasets import Dataset
from loader.json_quoting import quote
from loader.measuring.grid import Cell
from loader.model import Event
from loader.synthetic import RowSettings, synthetic_rows

LEAST_RECORDS = 1_000
"""Minimum number of records, so that requests with a single record differ."""

LANES_PER_REQUEST = 4
"""Groups per request in flight: enough that one is always free."""


def least_record_bytes(dataset: Dataset) -> int:
    """Return the size of the smallest record: the keys and required columns of a generated row."""
    return max(len(orjson.dumps(row)) for row in _rows(dataset, 1, _needed(dataset)))


class Payloads:
    """Makes the events of one cell.

    Args:
        dataset: The dataset whose columns the records have.
        cell: Packing and size.
        number: Number of the cell, from 0.
        run_id: Distinguishes the tokens of this measurement from all others.
    """

    def __init__(self, dataset: Dataset, cell: Cell, number: int, run_id: str) -> None:
        self._cell = cell
        self._number = number
        self._run_id = run_id
        count = max(LEAST_RECORDS, cell.records_per_event)
        self._records = _sized_records(dataset, cell.record_bytes, count)
        self._lanes = LANES_PER_REQUEST * cell.in_flight

    def event(self, index: int) -> Event:
        """Return the event with a number; the same number always gives the same event."""
        count = self._cell.records_per_event
        start = index * count % len(self._records)
        taken = list(islice(chain(self._records[start:], self._records), count))
        return Event(
            window=self._number,
            index=index,
            file=0,
            rows=range(count),
            group=f"measure-{index % self._lanes}",
            token=hashlib.sha256(f"{self._run_id} {self._number} {index}".encode()).hexdigest(),
            timestamp=None,
            quoted=taken[0] if count == 1 else b"[" + b",".join(taken) + b"]",
        )


def _needed(dataset: Dataset) -> set[str]:
    return {column.name for column in dataset.columns if column.required} | set(dataset.primary_key)


def _rows(dataset: Dataset, count: int, names: set[str] | None = None) -> list[dict[str, str]]:
    frames = synthetic_rows(dataset, RowSettings(rows=count))
    rows = chain.from_iterable(frame.iter_rows(named=True) for frame in frames)
    return [{name: text for name, text in row.items() if names is None or name in names} for row in rows]


def _sized_records(dataset: Dataset, size: int, count: int) -> list[bytes]:
    """Return records of ``size`` bytes: the required columns, others while they fit, and padding."""
    needed = _needed(dataset)
    kept: set[str] = set(needed)
    rows = _rows(dataset, count)
    longest = {name: max(len(row[name]) for row in rows) for name in rows[0]}
    used = _size_of({name: "x" * longest[name] for name in rows[0] if name in kept})
    for name in rows[0]:
        extra = len(name) + longest[name] + 6  # two pairs of quotes, colon, comma
        if name not in kept and used + extra <= size:
            kept.add(name)
            used += extra
    filled = _filled_column(dataset, kept)
    return [quote(_filled({name: row[name] for name in row if name in kept}, filled, size)) for row in rows]


def _filled_column(dataset: Dataset, kept: set[str]) -> str:
    """Return the column that gets the padding: a text column, outside the key if there is one."""
    texts = [column.name for column in dataset.columns if column.type == "string" and column.name in kept]
    return next((name for name in reversed(texts) if name not in dataset.primary_key), texts[-1])


def _filled(row: Mapping[str, str], column: str, size: int) -> bytes:
    missing = size - _size_of(row)
    return orjson.dumps({**row, column: row[column] + "x" * missing})


def _size_of(row: Mapping[str, str]) -> int:
    return len(orjson.dumps(dict(row)))
