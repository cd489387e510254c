"""Functions of dates and times. A row with a result outside the years 0001 to 9999 fails."""

import re

import polars as pl

from loader.sql.casts import cast
from loader.sql.column import (
    DATE,
    DURATION,
    EXACT,
    FIRST_DAY,
    LAST_DAY,
    TEXT,
    TIME,
    TIMESTAMP,
    UNIT_DIGITS,
    Column,
    literal,
    need,
)
from loader.sql.exact import where
from loader.sql.fault import SqlFault
from loader.strptime.format_faults import format_fault
from loader.strptime.reading import moments as moments_of

DAY_PARTS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "ISODOW", "DOY", "ISOYEAR")
CLOCK_PARTS = ("HOUR", "MINUTE", "SECOND")
_UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400, "WEEK": 604_800}
UNIT_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
MAX_INTERVAL = 1_000_000
"""Maximum number of units of an interval; it exceeds the days of the years 1 to 9999."""

STRFTIME = frozenset("YymdjHIMSpabABuVG%FT")
"""Directives that are written as in Python."""


def moments(column: Column) -> pl.Series:
    """Return dates or timestamps of the years 0001 to 9999, null for others.

    Raises:
        SqlFault: The column has another kind.
    """
    values = need(column, DATE, TIMESTAMP).values
    return values.cast(pl.Date) if column.kind not in (DATE, TIMESTAMP) else where(_in_years(values), values)


def _in_years(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Date:
        return values.to_physical().is_between(FIRST_DAY, LAST_DAY)
    assert isinstance(values.dtype, pl.Datetime)
    seconds: pl.Series = values.to_physical() // 10 ** UNIT_DIGITS[values.dtype.time_unit]
    return seconds.is_between(FIRST_DAY * 86_400, LAST_DAY * 86_400 + 86_399)


def extract(part: str, column: Column) -> Column:
    """Return a part of dates, timestamps or times of day as whole numbers.

    Raises:
        SqlFault: The part does not exist.
    """
    name = part.upper()
    if name == "EPOCH":
        return _epoch(column)
    if name in CLOCK_PARTS and column.kind == TIME:
        values = column.values
    elif name in DAY_PARTS or (name in CLOCK_PARTS and column.kind != DATE):
        values = moments(column)
    else:
        raise SqlFault(f"{column.kind} have no part '{part}'")
    stamp = values.dt
    found = {
        "YEAR": stamp.year,
        "QUARTER": stamp.quarter,
        "MONTH": stamp.month,
        "WEEK": stamp.week,
        "DAY": stamp.day,
        "DOW": lambda: stamp.weekday() % 7,
        "ISODOW": stamp.weekday,
        "DOY": stamp.ordinal_day,
        "ISOYEAR": stamp.iso_year,
        "HOUR": stamp.hour,
        "MINUTE": stamp.minute,
        "SECOND": stamp.second,
    }[name]()
    return Column(found.cast(pl.Int128), EXACT)


def _epoch(column: Column) -> Column:
    values = moments(column)
    ticks = values.to_physical().cast(pl.Int128)
    if not isinstance(values.dtype, pl.Datetime):
        return Column(ticks * pl.Series([86_400], dtype=pl.Int128), EXACT)
    return Column(ticks, EXACT, UNIT_DIGITS[values.dtype.time_unit])


def strftime(column: Column, text_format: Column) -> Column:
    """Return dates and timestamps as texts in a format.

    Raises:
        SqlFault: Engines disagree about a directive in the format.
    """
    pattern = str(literal(need(text_format, TEXT), "a format"))
    unknown = set(re.findall(r"%(.?)", pattern)) - STRFTIME
    if unknown:
        raise SqlFault(f"%{min(unknown)} is not a directive that can be written")
    return Column(moments(column).dt.strftime(pattern), TEXT)


def strptime(text: Column, text_format: Column) -> Column:
    """Return the timestamps of texts in a format.

    Raises:
        SqlFault: The format is not unambiguous.
    """
    pattern = str(literal(need(text_format, TEXT), "a format"))
    why = format_fault(pattern)
    if why is not None:
        raise SqlFault(f"the timestamp format '{pattern}' cannot be used: {why}")
    return Column(moments_of(need(text, TEXT).values.cast(pl.String), pattern), TIMESTAMP)


def shifted(column: Column, units: int, unit: str) -> Column:
    """Return dates or timestamps plus a number of units. A day beyond the month's end becomes its last day.

    Raises:
        SqlFault: The unit is unknown, or the number of units is too large.
    """
    if abs(units) > MAX_INTERVAL:
        raise SqlFault(f"an interval may have at most {MAX_INTERVAL:,} units")
    values = moments(column)
    if column.kind == DATE and unit not in ("DAY", "WEEK", *UNIT_MONTHS):
        column = cast(column, "TIMESTAMP")
        values = moments(column)
    if unit in UNIT_MONTHS:
        months = units * UNIT_MONTHS[unit]
        index = values.dt.year().cast(pl.Int64) * 12 + values.dt.month() - 1 + months
        fits = index.is_between(12, 9_999 * 12 + 11)
        return Column(where(fits, values).dt.offset_by(f"{months}mo"), column.kind)
    if unit not in _UNIT_SECONDS:
        raise SqlFault(f"the interval unit '{unit}' is not supported")
    return _later(values, units * _UNIT_SECONDS[unit], column.kind)


def _later(values: pl.Series, seconds: int, kind: str) -> Column:
    if kind == DATE:
        days = values.to_physical().cast(pl.Int64) + seconds // 86_400
        return Column(where(days.is_between(FIRST_DAY, LAST_DAY), days).cast(pl.Int32).cast(pl.Date), DATE)
    assert isinstance(values.dtype, pl.Datetime)
    scale = 10 ** UNIT_DIGITS[values.dtype.time_unit]
    ticks = values.to_physical().cast(pl.Int128) + pl.Series([seconds * scale], dtype=pl.Int128)
    later = ticks.cast(pl.Int64, strict=False).cast(values.dtype)
    return Column(where(_in_years(later), later), TIMESTAMP)


def difference(left: Column, right: Column) -> Column:
    """Return the days between two dates as whole numbers, or the time between two timestamps as durations.

    Raises:
        SqlFault: Only one of them is a date, or only one of them has a zone.
    """
    a, b = moments(left), moments(right)
    if (a.dtype == pl.Date) != (b.dtype == pl.Date) or _zone(a) != _zone(b):
        raise SqlFault(
            f"{left.kind} and {right.kind} cannot be subtracted from each other", "Use CAST on one of them."
        )
    if a.dtype == pl.Date:
        return Column(a.to_physical().cast(pl.Int128) - b.to_physical().cast(pl.Int128), EXACT)
    assert isinstance(a.dtype, pl.Datetime)
    assert isinstance(b.dtype, pl.Datetime)
    finest = max(a.dtype.time_unit, b.dtype.time_unit, key=lambda unit: UNIT_DIGITS[unit])
    ticks = [ticks_of(each, UNIT_DIGITS[finest]) for each in (a, b)]
    between = (ticks[0] - ticks[1]).cast(pl.Int64, strict=False)
    return Column(between.cast(pl.Duration(finest)), DURATION)


def _zone(values: pl.Series) -> str | None:
    return getattr(values.dtype, "time_zone", None)


def ticks_of(values: pl.Series, digits: int) -> pl.Series:
    """Return dates or timestamps as Int128 since 1970, with ``digits`` decimals of a second."""
    ticks = values.to_physical().cast(pl.Int128)
    have = UNIT_DIGITS[values.dtype.time_unit] if isinstance(values.dtype, pl.Datetime) else 0
    factor = 10 ** (digits - have) * (1 if isinstance(values.dtype, pl.Datetime) else 86_400)
    return ticks * pl.Series([factor], dtype=pl.Int128)
