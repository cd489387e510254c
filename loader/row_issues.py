"""What is wrong with the values of a column: which rows, and why."""

from dataclasses import dataclass

import polars as pl

from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class RowIssue:
    """One reason to reject rows.

    Attributes:
        rows: Which rows, as booleans.
        code: Why, for machines.
        reason: Why, in words that hold no value of the row.
    """

    rows: pl.Series
    code: RejectCode
    reason: str


def issues_where(rows: pl.Series, code: RejectCode, reason: str) -> list[RowIssue]:
    """Return the problem if any row has it; an unknown (null) is no problem."""
    return [RowIssue(rows.fill_null(value=False), code, reason)] if rows.any() else []


def values_where(values: pl.Series, rows: pl.Series) -> pl.Series:
    """Return the values of the given rows, and null for all others."""
    return pl.select(pl.when(rows).then(values)).to_series()
