"""Whole numbers and decimals in 128 bits. Every step gives the exact number or no value."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from loader.sql.column import EXACT, FLOAT, NULL, Column, need, per_row, whole
from loader.sql.fault import SqlFault

LIMIT = 9e37
"""Larger numbers fail. Decimals of polars and 128-bit integers both hold 38 digits. A float used for
comparison has an error that is smaller than the distance to 10^38."""

MAX_SCALE = 30
"""Maximum number of decimals: more would leave too few digits before the decimal point."""

DIGITS = 38
"""Number of digits of the largest number."""

_MAX_EXPONENT = 126
"""2 to the power of 127 exceeds the largest number."""

FLOAT_DIGITS = 340
"""Maximum number of decimals that distinguish neighbouring floats."""

FLOAT_EXACT = 2**53
"""Whole numbers up to this one are exact as floats."""


def inside(estimate: pl.Series) -> pl.Series:
    """Return which numbers fit, from estimates in floating point."""
    return estimate.abs() < LIMIT


def where(rows: pl.Series, values: pl.Series) -> pl.Series:
    """Return the values of these rows, and null for the others."""
    return pl.select(pl.when(rows).then(values)).to_series()


def as_float(values: pl.Series) -> pl.Series:
    """Return the nearest floats of Int128 integers."""
    return values.cast(pl.Float64)


def rescaled(column: Column, scale: int) -> Column:
    """Return the same numbers with more decimals."""
    if scale > MAX_SCALE:
        raise SqlFault(f"its numbers would have more than {MAX_SCALE} decimals", "Use ROUND first.")
    if scale == column.scale or column.kind == NULL:
        return replace(column, scale=scale)
    factor = 10 ** (scale - column.scale)
    fits = inside(as_float(column.values) * float(factor))
    scaled = where(fits, column.values) * whole(factor)
    return replace(column, values=scaled, scale=scale, literal=None).failing(column.given() & ~fits)


def aligned(left: Column, right: Column) -> tuple[Column, Column]:
    """Return both with the same number of decimals."""
    scale = max(left.scale, right.scale)
    return rescaled(left, scale), rescaled(right, scale)


def exact(values: pl.Series, scale: int, *inputs: Column) -> Column:
    """Return a result with the failed rows of its inputs."""
    return Column(values, EXACT, scale).failing(*(each.failed for each in inputs))


def plus(left: Column, right: Column, sign: int = 1) -> Column:
    """Return sums or differences."""
    left, right = aligned(left, right)
    fits = inside(as_float(left.values) + sign * as_float(right.values))
    a, b = where(fits, left.values), where(fits, right.values)
    return exact(a + b if sign > 0 else a - b, left.scale, left, right)


def times(left: Column, right: Column) -> Column:
    """Return products."""
    if left.scale + right.scale > MAX_SCALE:
        raise SqlFault(f"its products would have more than {MAX_SCALE} decimals", "Use ROUND first.")
    fits = inside(as_float(left.values) * as_float(right.values))
    return exact(where(fits, left.values) * where(fits, right.values), left.scale + right.scale, left, right)


def quotient(left: Column, right: Column) -> Column:
    """Return the nearest floats of quotients."""
    left, right = aligned(left, right)
    small = (left.values.abs() <= whole(FLOAT_EXACT)) & (right.values.abs() <= whole(FLOAT_EXACT))
    if small.all():
        values = as_float(left.values) / where(right.values != whole(0), as_float(right.values))
    else:
        values = per_row(lambda a, b: a / b, left.values, right.values, dtype=pl.Float64)
    return Column(values, FLOAT).failing(left.failed, right.failed)


def _signs(values: pl.Series) -> pl.Series:
    return (values > whole(0)).cast(pl.Int128) - (values < whole(0)).cast(pl.Int128)


def truncated_quotient(left: Column, right: Column) -> Column:
    """Return truncated quotients, as in C, DuckDB and Postgres."""
    left, right = aligned(left, right)
    divisors = where(right.values != whole(0), right.values)
    values = left.values.abs() // divisors.abs() * _signs(left.values) * _signs(divisors)
    return exact(values, 0, left, right)


def remainder(left: Column, right: Column) -> Column:
    """Return remainders, which have the sign of the dividend."""
    left, right = aligned(left, right)
    divisors = where(right.values != whole(0), right.values)
    return exact(left.values.abs() % divisors.abs() * _signs(left.values), left.scale, left, right)


def negated(column: Column) -> Column:
    """Return the negated numbers."""
    return exact(whole(0) - column.values, column.scale, column)


def absolute(column: Column) -> Column:
    """Return the absolute values."""
    return exact(column.values.abs(), column.scale, column)


def sign(column: Column) -> Column:
    """Return -1, 0 or 1."""
    return exact(_signs(column.values), 0, column)


def power(base: Column, exponent: Column) -> Column:
    """Return whole powers of whole numbers."""

    def compute(a: int, b: int) -> int | None:
        if b < 0 or (abs(a) > 1 and b > _MAX_EXPONENT):
            return None
        result = 1 if b == 0 else a**b if abs(a) > 1 else a ** (b % 2 or 2)
        return result if abs(result) < LIMIT else None

    return exact(per_row(compute, base.values, exponent.values, dtype=pl.Int128), 0, base, exponent)


def floored(column: Column) -> Column:
    """Return the numbers rounded down to whole numbers."""
    return exact(column.values // whole(10**column.scale), 0, column)


def ceiled(column: Column) -> Column:
    """Return the numbers rounded up to whole numbers."""
    factor = whole(10**column.scale)
    return exact(whole(0) - (whole(0) - column.values) // factor, 0, column)


def truncated(column: Column) -> Column:
    """Return the numbers without their decimals."""
    return exact(column.values.abs() // whole(10**column.scale) * _signs(column.values), 0, column)


def rounded(column: Column, digits: int) -> Column:
    """Return the numbers rounded to a number of decimals; halves are rounded away from zero."""
    if digits >= column.scale:
        return column
    drop = column.scale - digits
    if drop >= DIGITS:
        return exact(column.values * whole(0), max(digits, 0), column)
    unit = whole(10**drop)
    half = whole(10**drop // 2)
    cut = (column.values.abs() + half) // unit * _signs(column.values)
    if digits >= 0:
        return exact(cut, digits, column)
    return rescaled(exact(cut, digits, column), 0)


def rounded_float(number: float, digits: int) -> float:
    """Return a float rounded by its exact value; halves are rounded away from zero."""
    if digits > FLOAT_DIGITS or number == 0:
        return number
    with localcontext() as context:
        context.prec = 1100
        return float(Decimal(number).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))


def float_of(column: Column) -> Column:
    """Return exact numbers as floats; a whole number that is not exact as a float fails."""
    if column.kind in (FLOAT, NULL):
        return (
            column
            if column.kind == FLOAT
            else replace(column, values=column.values.cast(pl.Float64), kind=FLOAT)
        )
    need(column, EXACT)
    if column.scale:
        values = per_row(lambda each: each / 10**column.scale, column.values, dtype=pl.Float64)
        return Column(values, FLOAT, failed=column.failed)
    values = as_float(column.values)
    inexact = values.cast(pl.Int128, strict=False) != column.values
    return Column(values, FLOAT, failed=column.failed).failing(inexact)


def to_decimals(column: Column) -> pl.Series:
    """Return exact numbers with decimals as a decimal series."""
    number = column.values.cast(pl.Decimal(38, 0), strict=False)
    unit = pl.Series([Decimal(1).scaleb(-column.scale)], dtype=pl.Decimal(38, column.scale))
    return number * unit


def texts_of(column: Column) -> pl.Series:
    """Return exact numbers as texts."""
    if not column.scale:
        return column.values.cast(pl.String)
    digits = column.values.abs().cast(pl.String).str.zfill(column.scale + 1)
    minus = where(column.values < whole(0), pl.Series(["-"])).fill_null("")
    return minus + digits.str.head(-column.scale) + "." + digits.str.tail(column.scale)
