"""The values of one part of an expression, with their kind and the failed rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from loader.short_floats import short_doubles
from loader.sql.fault import SqlFault

EXACT, FLOAT, TEXT, BOOLEAN = "exact numbers", "floating-point numbers", "text", "true and false"
DATE, TIMESTAMP, TIME, DURATION = "dates", "timestamps", "times of day", "durations"
NULL, OTHER = "null", "values of another type"
"""The kinds of values. Exact numbers are whole numbers and decimals: Int128 with a scale."""

UNIT_DIGITS = {"ms": 3, "us": 6, "ns": 9}
"""Digits of a second in each unit of polars' timestamps."""

FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31 in days since 1970."""


@dataclass(frozen=True, slots=True)
class Column:
    """One value per row.

    Attributes:
        values: The values; unscaled Int128 integers for exact numbers.
        kind: Their kind.
        scale: Number of decimals of exact numbers.
        failed: The rows whose value cannot be computed, or None.
        literal: The value of a literal, otherwise None.
    """

    values: pl.Series
    kind: str
    scale: int = 0
    failed: pl.Series | None = None
    literal: Any = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers."""
        return self.kind == EXACT and self.scale == 0

    def given(self) -> pl.Series:
        """Return which rows have a value."""
        return self.values.is_not_null()

    def failing(self, *rows: pl.Series | None) -> "Column":
        """Return the column with more failed rows; a failed row has no value."""
        failed = any_of((self.failed, *rows))
        if failed is None:
            return replace(self, failed=None)
        if not failed.any():
            return replace(self, failed=None)
        values = pl.select(pl.when(~failed).then(self.values)).to_series()
        return replace(self, values=values, failed=failed, literal=None)


def any_of(rows: Iterable[pl.Series | None]) -> pl.Series | None:
    """Return the union of the masks; unknown counts as false."""
    total: pl.Series | None = None
    for mask in rows:
        if mask is not None:
            sure = mask.fill_null(value=False)
            total = sure if total is None else total | sure
    return total


def column_of(series: pl.Series) -> Column:  # noqa: PLR0911 - one for each kind
    """Return a source column as a column of its kind: exact numbers, floats, texts and so on."""
    dtype = series.dtype
    if dtype.is_integer():
        exact = series.cast(pl.Int128, strict=False)
        return Column(exact, EXACT).failing(series.is_not_null() & exact.is_null())
    if isinstance(dtype, pl.Decimal):
        return Column(series.to_physical().cast(pl.Int128), EXACT, dtype.scale)
    if dtype.is_float():
        numbers = short_doubles(series)
        return Column(numbers, FLOAT).failing(~series.is_finite())
    if dtype in (pl.Categorical, pl.Enum):
        return Column(series.cast(pl.String), TEXT)
    if isinstance(dtype, pl.Datetime):
        return Column(series, TIMESTAMP)
    if dtype == pl.Date:
        days = series.to_physical()
        return Column(series, DATE).failing(~days.is_between(FIRST_DAY, LAST_DAY))
    kinds = {pl.String: TEXT, pl.Boolean: BOOLEAN, pl.Time: TIME, pl.Duration: DURATION, pl.Null: NULL}
    return Column(series, next((kind for known, kind in kinds.items() if dtype == known), OTHER))


def constant(value: object, kind: str, rows: int, dtype: Any, scale: int = 0) -> Column:
    """Return a literal, repeated for each row."""
    series = pl.Series([value], dtype=dtype).new_from_index(0, rows)
    return Column(series, kind, scale, literal=value)


def whole(number: int) -> pl.Series:
    """Return a whole number as a series that polars repeats as needed."""
    return pl.Series([number], dtype=pl.Int128)


def per_row(compute: Callable[..., Any], *inputs: pl.Series, dtype: Any) -> pl.Series:
    """Return ``compute`` for each row; null if an input is null or if it raises an arithmetic error."""

    def one(values: tuple[Any, ...]) -> Any:
        if any(value is None for value in values):
            return None
        try:
            return compute(*values)
        except (ArithmeticError, ValueError):
            return None

    return pl.Series(
        [one(values) for values in zip(*(each.to_list() for each in inputs), strict=True)], dtype=dtype
    )


def need(column: Column, *kinds: str) -> Column:
    """Return the column if it has one of the kinds; nulls have every kind.

    Raises:
        SqlFault: It has another kind.
    """
    if column.kind not in (*kinds, NULL):
        raise SqlFault(
            f"{' or '.join(kinds)} expected, not {column.kind}",
            "All columns of a CSV file are text: CAST(column AS DOUBLE) converts them to numbers."
            if column.kind == TEXT
            else "",
        )
    return column


def literal(column: Column, what: str) -> Any:
    """Return the value of a literal.

    Raises:
        SqlFault: It is not a literal.
    """
    if column.literal is None:
        raise SqlFault(f"{what} must be a literal")
    return column.literal
