"""Find the marks with which the numbers of a column are written: decimal, thousands and sign. Pure."""

from collections.abc import Collection

import polars as pl

from loader.job import ColumnRule
from loader.records.convert import DOUBLE, INT
from loader.records.numbers import plain_numbers
from loader.row_issues import values_where

Marks = tuple[tuple[str, str], ...]
"""Settings of a mapping rule for the notation of numbers, as pairs of name and value."""

_NUMBER_MARKS: tuple[Marks, ...] = tuple(
    (*marks, *negative)
    for negative in ((), (("negative", "trailing"),))
    for marks in (
        (),
        (("decimal", ","),),
        (("decimal", ","), ("thousands", ".")),
        (("decimal", "."), ("thousands", ",")),
        (("decimal", ","), ("thousands", " ")),
    )
)
"""Marks that are tried for numbers, in the order of preference."""


def fitting_marks(
    texts: pl.Series, counts: pl.Series, column_type: str, decimals: Collection[str]
) -> tuple[Marks, tuple[Marks, ...], pl.Series]:
    """Return the marks that fit most numbers, their rivals, and whether each text fits.

    If several marks fit equally many numbers, those of other columns are preferred, else the plainest. A
    rival fits equally many numbers but gives different values.

    Args:
        texts: The different texts of a column.
        counts: Number of occurrences of each.
        column_type: Type of the dataset column: ``double``, or another for whole numbers.
        decimals: Decimal marks of other columns.
    """
    numbers = {marks: _numbers_by(texts, marks, column_type) for marks in _NUMBER_MARKS}
    weight = {marks: int(counts.filter(read.is_not_null()).sum()) for marks, read in numbers.items()}
    is_decided = len(decimals) == 1 and texts.str.contains("[.,]").any()
    best = max(
        _NUMBER_MARKS,
        key=lambda marks: (
            weight[marks],
            is_decided and dict(marks).get("decimal", ".") in decimals,
            not marks,
        ),
    )
    if not best:
        return (), (), numbers[best].is_not_null()
    rivals = tuple(
        marks
        for marks in _NUMBER_MARKS
        if marks != best
        and weight[marks] == weight[best]
        and (numbers[marks].cast(pl.Float64) != numbers[best].cast(pl.Float64)).any()
    )
    return best, rivals, numbers[best].is_not_null()


def _numbers_by(texts: pl.Series, marks: Marks, column_type: str) -> pl.Series:
    """Return the texts as numbers with a decimal point, or null if they are not numbers with these marks."""
    plain = texts
    if marks:
        plain, _ = plain_numbers(texts, ColumnRule.model_validate({"column": "x", **dict(marks)}))
    return values_where(plain, plain.str.contains(DOUBLE if column_type == "double" else INT))
