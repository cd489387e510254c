"""Faults of the values of a column: the affected rows and the cause."""

from dataclasses import dataclass

import polars as pl

from loader.reject_code import RejectCode

MAX_VALUE_CHARS = 200
"""Characters of a rejected value that are kept."""


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One reason to reject rows.

    Attributes:
        rows: Booleans; true for each row to reject.
        code: The cause, for scripts.
        reason: The cause as text, without any value of the row.
    """

    rows: pl.Series
    code: RejectCode
    reason: str


def issues_where(rows: pl.Series, code: RejectCode, reason: str) -> list[RowIssue]:
    """Return the issue if any row has it, else an empty list; null counts as false."""
    return [RowIssue(rows.fill_null(value=False), code, reason)] if rows.any() else []


def values_where(values: pl.Series, rows: pl.Series) -> pl.Series:
    """Return the values where ``rows`` is true, and null elsewhere."""
    return pl.select(pl.when(rows).then(values)).to_series()
