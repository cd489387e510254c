"""Compares the records of a plan with the rows that another reader finds in the file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.corpus.expected import Reject, is_written, rejects
from tests.corpus.source import Row


@dataclass
class Comparison:
    """The result of a comparison.

    Attributes:
        values: Number of equal values, including missing ones.
        unequal: Columns whose values differ: number of differences, and the first place with both values.
        rejected_for: Number of correctly rejected rows, by reason.
        rejected_in_vain: Number of rejected rows that another reader can read.
        accepted_in_spite: Number of accepted rows with a value that must be rejected, by reason.
        unmatched: A record without an equal row, or empty.
    """

    values: int = 0
    unequal: dict[str, tuple[int, str]] = field(default_factory=dict)
    rejected_for: Counter[str] = field(default_factory=Counter)
    rejected_in_vain: int = 0
    accepted_in_spite: Counter[str] = field(default_factory=Counter)
    unmatched: str = ""


def compare(rows: Sequence[Row], records: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Comparison:
    """Compare rows with records, both in file order.

    Args:
        rows: What the other reader finds.
        records: The records of the plan.
        columns: The records' columns, in the order of the rows' values.
    """
    reasons = [_reason(row) for row in rows]
    accepted = [number for number, reason in enumerate(reasons) if not reason]
    found = Comparison()
    if len(accepted) == len(records):
        for number, record in zip(accepted, records, strict=True):
            _compare_row(number, rows[number], record, columns, found)
        found.rejected_for.update(filter(None, reasons))
        return found
    aligned = _align(rows, reasons, records, columns)
    if not aligned.unmatched or len(records) != len(rows):
        return aligned
    for number, (row, record) in enumerate(zip(rows, records, strict=True)):
        _compare_row(number, row, record, columns, found)
    return found


def _reason(row: Row) -> str:
    if row.why or row.values is None:
        return row.why
    return next((why for value in row.values if (why := rejects(value))), "")


def _compare_row(
    number: int, row: Row, record: Mapping[str, str], columns: Sequence[str], found: Comparison
) -> None:
    values = row.values or [Reject(row.why)] * len(columns)
    for column, value in zip(columns, values, strict=True):
        text = record.get(column)
        if is_written(value, text):
            found.values += 1
            continue
        count, first = found.unequal.get(column, (0, ""))
        first = first or f"row {number + 1}: {_short(value)} expected, {_short(text)} planned"
        found.unequal[column] = (count + 1, first)


def _align(
    rows: Sequence[Row], reasons: Sequence[str], records: Sequence[Mapping[str, str]], columns: Sequence[str]
) -> Comparison:
    """Find each record's row, in order; rows without a record were rejected."""
    found = Comparison()
    left = iter(records)
    record = next(left, None)
    for row, reason in zip(rows, reasons, strict=True):
        if record is not None and row.values is not None and _fits(row, record, columns):
            found.values += len(columns)
            if reason:
                found.accepted_in_spite[reason] += 1
            record = next(left, None)
        elif reason:
            found.rejected_for[reason] += 1
        else:
            found.rejected_in_vain += 1
    if record is not None:
        found.unmatched = _short(dict(record))
    return found


def _fits(row: Row, record: Mapping[str, str], columns: Sequence[str]) -> bool:
    return all(
        is_written(value, record.get(column)) for column, value in zip(columns, row.values or (), strict=True)
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
