"""AND, OR, NOT and CASE. A failure in a part that does not decide the result is ignored."""

from dataclasses import replace

import polars as pl

from loader.sql.column import BOOLEAN, Column, any_of, need
from loader.sql.comparing import alike, compared


def truths(column: Column) -> pl.Series:
    """Return the values of a column of conditions.

    Raises:
        SqlFault: It is not a column of conditions.
    """
    return need(column, BOOLEAN).values.cast(pl.Boolean)


def both(left: Column, right: Column) -> Column:
    """Return AND; a failed right side is ignored where the left side is false."""
    a, b = truths(left), truths(right)
    late = right.failed & a.fill_null(value=True) if right.failed is not None else None
    early = left.failed & b.fill_null(value=True) if left.failed is not None else None
    return Column(a & b, BOOLEAN).failing(early, late)


def either(left: Column, right: Column) -> Column:
    """Return OR; a failed side is ignored where the other side is true."""
    a, b = truths(left), truths(right)
    late = right.failed & ~a.fill_null(value=False) if right.failed is not None else None
    early = left.failed & ~b.fill_null(value=False) if left.failed is not None else None
    return Column(a | b, BOOLEAN).failing(early, late)


def branches(conditions: list[Column], results: list[Column]) -> Column:
    """Return the result of the first true condition; failures in other branches are ignored."""
    *others, otherwise = alike(results)
    values, failed = otherwise.values, otherwise.failed
    for condition, result in zip(reversed(conditions), reversed(others), strict=True):
        holds = truths(condition).fill_null(value=False)
        values = result.values.zip_with(holds, values)
        mine = result.failed & holds if result.failed is not None else None
        rest = failed & ~holds if failed is not None else None
        failed = any_of((condition.failed, mine, rest))
    return replace(otherwise, values=values, failed=None, literal=None).failing(failed)


def nullif(value: Column, other: Column) -> Column:
    """Return values, or null where the other column has the same value."""
    same = compared(value, other, "=")
    kept = ~same.values.fill_null(value=False)
    values = pl.select(pl.when(kept).then(value.values)).to_series()
    return replace(value, values=values, failed=None, literal=None).failing(value.failed, same.failed)
