"""CAST between kinds. A row fails if its value has no exact equivalent in the target type."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

import polars as pl

from loader.sql.column import (
    BOOLEAN,
    DATE,
    EXACT,
    FLOAT,
    NULL,
    TEXT,
    TIME,
    TIMESTAMP,
    UNIT_DIGITS,
    Column,
    per_row,
    whole,
)
from loader.sql.exact import float_of, inside, rescaled, rounded, texts_of, truncated, where
from loader.sql.fault import SqlFault

WHOLE_TYPES = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INT": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINT": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
}
"""The range of each whole-number type; numbers outside it fail."""

WHOLE_TEXT = r"^[+-]?[0-9]+(?:\.0*)?$"
NUMBER_TEXT = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
DATE_TEXT = r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
TIMESTAMP_TEXT = f"{DATE_TEXT[:-1]}(?:[ T]{CLOCK})?$"
DATE_CHARS, MINUTE_CHARS, CLOCK_CHARS = len("2024-01-31"), len("2024-01-31 23:59"), len("23:59")
TRUE_TEXTS, FALSE_TEXTS = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")

_TEXT_TYPES = ("TEXT", "VARCHAR", "CHAR", "NVARCHAR", "NCHAR")
_WITH_PARAMETERS = ("DECIMAL", "TIMESTAMP", "DATETIME", *_TEXT_TYPES)

_MAX_DIGITS = 38
_MAX_EXPONENT = 400
"""Beyond the range of a double. An exponent in a text is checked before it is used."""


def cast(column: Column, type_name: str, parameters: tuple[int, ...] = ()) -> Column:
    """Return the values as a type; rows whose values do not fit the type have no value.

    Args:
        column: The values.
        type_name: The type as sqlglot names it.
        parameters: Precision and scale, or a length.

    Raises:
        SqlFault: This cast does not exist.
    """
    if parameters and type_name not in _WITH_PARAMETERS:
        raise SqlFault(f"the type '{type_name}' is not supported with a number in parentheses")
    if type_name in WHOLE_TYPES:
        return _to_whole(column, *WHOLE_TYPES[type_name])
    if type_name == "DECIMAL":
        precision, scale = (*parameters, 0)[:2] if parameters else (18, 3)
        return _to_decimal(column, precision, scale)
    if type_name in ("DOUBLE", "FLOAT"):
        return _to_float(column, single=type_name == "FLOAT")
    if type_name in _TEXT_TYPES:
        return _to_text(column, parameters[0] if parameters else None)
    if type_name in ("TIMESTAMP", "DATETIME"):
        moments = _to_timestamp(column)
        return _rounded_seconds(moments, parameters[0]) if parameters else moments
    to_type = {"BOOLEAN": _to_boolean, "DATE": _to_date, "TIME": _to_time}
    if type_name not in to_type:
        raise SqlFault(f"the type '{type_name}' is not supported")
    return to_type[type_name](column)


def _refused(column: Column, to: str) -> SqlFault:
    return SqlFault(f"{column.kind} cannot be cast to {to}")


def _matching(texts: pl.Series, pattern: str) -> pl.Series:
    return where(texts.str.contains(pattern), texts)


def exact_of(column: Column) -> Column:
    """Return values of a kind with whole numbers as EXACT values."""
    if column.kind == EXACT:
        cut = truncated(column)
        kept = (column.values == rescaled(cut, column.scale).values) if column.scale else column.given()
        return Column(where(kept, cut.values), EXACT, failed=column.failed)
    if column.kind == FLOAT:
        fits = inside(column.values) & (column.values == column.values.floor())
        return Column(where(fits, column.values).cast(pl.Int128, strict=False), EXACT, failed=column.failed)
    if column.kind == TEXT:
        digits = _matching(column.values, WHOLE_TEXT).str.replace(r"\..*$", "").str.strip_prefix("+")
        return Column(digits.cast(pl.Int128, strict=False), EXACT, failed=column.failed)
    if column.kind in (BOOLEAN, NULL):
        return Column(column.values.cast(pl.Int128), EXACT, failed=column.failed)
    raise _refused(column, "whole numbers")


def _to_whole(column: Column, least: int, most: int) -> Column:
    numbers = exact_of(column)
    fits = (numbers.values >= whole(least)) & (numbers.values <= whole(most))
    return Column(where(fits, numbers.values), EXACT, failed=numbers.failed)


def _unscaled(number: float | str, scale: int) -> int | None:
    try:
        value = Decimal(number)
        if value.adjusted() > _MAX_EXPONENT:
            return None
        with localcontext() as context:
            context.prec = 2 * _MAX_EXPONENT + 400
            return int(value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP).scaleb(scale))
    except InvalidOperation:
        return None


def _to_decimal(column: Column, precision: int, scale: int) -> Column:
    if not 1 <= precision <= _MAX_DIGITS or not 0 <= scale <= min(precision, 30):
        raise SqlFault(f"DECIMAL({precision}, {scale}) has more than 38 digits, or more than 30 decimals")
    bound = 10**precision
    if column.kind in (FLOAT, TEXT):
        given = _matching(column.values, NUMBER_TEXT) if column.kind == TEXT else column.values

        def unscaled(number: float | str) -> int | None:
            value = _unscaled(number, scale)
            return value if value is not None and abs(value) < bound else None

        return Column(per_row(unscaled, given, dtype=pl.Int128), EXACT, scale, failed=column.failed)
    numbers = column if column.kind == EXACT else exact_of(column)
    numbers = rounded(numbers, scale) if numbers.scale > scale else rescaled(numbers, scale)
    return Column(
        where(numbers.values.abs() < whole(bound), numbers.values), EXACT, scale, failed=numbers.failed
    )


def _to_float(column: Column, *, single: bool) -> Column:
    if column.kind == TEXT:
        texts = _matching(column.values, NUMBER_TEXT)
        values = where((floats := texts.cast(pl.Float64, strict=False)).is_finite(), floats)
        exact_whole = _matching(texts, r"^[+-]?[0-9]+$").str.strip_prefix("+").cast(pl.Int128, strict=False)
        lost = exact_whole.is_not_null() & (values.cast(pl.Int128, strict=False) != exact_whole)
        column = Column(where(~lost.fill_null(value=False), values), FLOAT, failed=column.failed)
    elif column.kind == BOOLEAN:
        column = float_of(exact_of(column))
    elif column.kind not in (EXACT, FLOAT, NULL):
        raise _refused(column, "DOUBLE")
    else:
        column = float_of(column)
    if not single:
        return column
    shorter = column.values.cast(pl.Float32)
    # A single-precision number has the value of its shortest text: 0.1 stays 0.1.
    return Column(shorter.cast(pl.String).cast(pl.Float64, strict=False), FLOAT, failed=column.failed)


def text_of(column: Column) -> pl.Series:
    """Return values as texts.

    Raises:
        SqlFault: The values have no text form in SQL.
    """
    values = column.values
    if column.kind == EXACT:
        return texts_of(column)
    if column.kind == DATE:
        return values.dt.strftime("%Y-%m-%d")
    if column.kind == TIMESTAMP and getattr(values.dtype, "time_zone", None) is None:
        return (
            values.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
            .str.replace(r"(\.[0-9]*?)0+$", "$1")
            .str.strip_suffix(".")
        )
    if column.kind == TIME:
        return values.dt.strftime("%H:%M:%S%.f").str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")
    if column.kind in (TEXT, FLOAT, BOOLEAN, NULL):
        return values.cast(pl.String)
    raise _refused(column, "text")


def _to_text(column: Column, length: int | None) -> Column:
    texts = text_of(column)
    if length is not None:
        texts = where(texts.str.len_chars() <= length, texts)
    return Column(texts, TEXT, failed=column.failed)


def _to_boolean(column: Column) -> Column:
    values = column.values
    if column.kind == TEXT:
        lower = values.str.to_lowercase()
        truths = where(lower.is_in([*TRUE_TEXTS, *FALSE_TEXTS]), lower.is_in(TRUE_TEXTS))
    elif column.kind == EXACT:
        truths = values != whole(0)
    elif column.kind in (BOOLEAN, NULL):
        truths = values.cast(pl.Boolean)
    else:
        raise _refused(column, "BOOLEAN")
    return Column(truths, BOOLEAN, failed=column.failed)


def _to_date(column: Column) -> Column:
    values = column.values
    if column.kind == TEXT:
        dates = _matching(values, DATE_TEXT).str.to_date("%Y-%m-%d", strict=False)
        dates = where(dates.dt.year() >= 1, dates)
    elif column.kind == TIMESTAMP:
        dates = values.dt.date()
    elif column.kind in (DATE, NULL):
        dates = values.cast(pl.Date)
    else:
        raise _refused(column, "DATE")
    return Column(dates, DATE, failed=column.failed)


def _to_timestamp(column: Column) -> Column:
    values = column.values
    if column.kind == TEXT:
        texts = _matching(values, TIMESTAMP_TEXT).str.replace("T", " ", literal=True)
        texts = where(texts.str.len_chars() == DATE_CHARS, texts + " 00:00:00").fill_null(texts)
        texts = where(texts.str.len_chars() == MINUTE_CHARS, texts + ":00").fill_null(texts)
        moments = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
        moments = where(moments.dt.year() >= 1, moments)
    elif column.kind in (DATE, NULL):
        moments = values.cast(pl.Datetime("us"))
    elif column.kind == TIMESTAMP:
        moments = values
    else:
        raise _refused(column, "TIMESTAMP")
    return Column(moments, TIMESTAMP, failed=column.failed)


def _rounded_seconds(column: Column, digits: int) -> Column:
    """Return timestamps rounded to 0, 3 or 6 digits of a second; half a digit is rounded away from 1970.

    Raises:
        SqlFault: The number of digits is another one.
    """
    if digits not in (0, 3, 6):
        raise SqlFault(f"TIMESTAMP({digits}) is not supported: it may have 0, 3 or 6 digits of a second")
    values = column.values
    assert isinstance(values.dtype, pl.Datetime)
    step = 10 ** max(UNIT_DIGITS[values.dtype.time_unit] - digits, 0)
    ticks = values.to_physical().cast(pl.Int128)
    nearest = (ticks.abs() + whole(step // 2)) // whole(step) * whole(step) * ticks.sign()
    return replace(column, values=nearest.cast(pl.Int64, strict=False).cast(values.dtype))


def _to_time(column: Column) -> Column:
    values = column.values
    if column.kind == TEXT:
        texts = _matching(values, f"^{CLOCK}$")
        texts = where(texts.str.len_chars() == CLOCK_CHARS, texts + ":00").fill_null(texts)
        clocks = texts.str.to_time("%H:%M:%S%.f", strict=False)
    elif column.kind == TIMESTAMP:
        clocks = values.dt.time()
    elif column.kind in (TIME, NULL):
        clocks = values.cast(pl.Time)
    else:
        raise _refused(column, "TIME")
    return Column(clocks, TIME, failed=column.failed)
