"""Convert the physical values of a leaf column to its values, and check each before polars uses it.

Rule kept here: a value that the type cannot represent, or that cannot be written (a year beyond 9999, a time
of day beyond 24 hours), is a fault of its row. polars panics or wraps on such values, so they never leave
this module.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

import polars as pl

from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31 in days since 1970."""

_DAY_SECONDS = 86_400

_TICKS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
"""Units per second."""

_NANOSECOND_DAYS = (-106_751, 106_750)
"""First and last whole day since 1970 within 64 bits of nanoseconds."""

JULIAN_1970 = 2_440_588
"""Julian day number of 1970-01-01: INT96 timestamps count Julian days."""

MAX_INT64 = 2**63 - 1

WIDTHS: dict[object, int] = {
    pl.Int8: 8,
    pl.UInt8: 8,
    pl.Int16: 16,
    pl.UInt16: 16,
    pl.Int32: 32,
    pl.UInt32: 32,
}
"""Bits of the integer types; all other types have 64."""

DECIMAL_LIMIT = 10**38
"""Maximum digits of polars' decimals."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The values of a leaf column.

    Attributes:
        values: Its values; null for a value with a fault.
        faults: The values with a fault, and the reasons.
    """

    values: pl.Series
    faults: Sequence[RowIssue] = ()


Convert = Callable[[pl.Series], Checked]


def as_they_are(raw: pl.Series) -> Checked:
    """Return the values that polars read: the physical type is the type."""
    return Checked(raw)


def as_texts(raw: pl.Series) -> Checked:
    """Return the texts of bytes that are marked as text; bytes that are not UTF-8 are a fault."""
    try:
        return Checked(raw.cast(pl.String))
    except pl.exceptions.PolarsError:
        texts = pl.Series(raw.name, [_utf8(value) for value in raw], dtype=pl.String)
        bad = raw.is_not_null() & texts.is_null()
        return Checked(texts, issues_where(bad, RejectCode.BAD_ENCODING, "bytes that are not UTF-8"))


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def as_dates(raw: pl.Series) -> Checked:
    """Return the dates of days since 1970."""
    reason = "not a date of the years 1 to 9999"
    return _within(raw, (FIRST_DAY, LAST_DAY), pl.Date(), RejectCode.YEAR_OUT_OF_RANGE, reason)


def as_timestamps(dtype: pl.Datetime) -> Convert:
    """Return the conversion of ticks since 1970."""
    ticks = _TICKS[dtype.time_unit]
    first, last = FIRST_DAY * _DAY_SECONDS * ticks, (LAST_DAY + 1) * _DAY_SECONDS * ticks - 1
    limits = max(first, -MAX_INT64 - 1), min(last, MAX_INT64)

    def convert(raw: pl.Series) -> Checked:
        reason = "outside the years 0001 to 9999"
        return _within(raw, limits, dtype, RejectCode.YEAR_OUT_OF_RANGE, reason)

    return convert


def ticks_of_day(unit: str) -> int:
    """Return the ticks of a day: unit ``ms``, ``us`` or ``ns``."""
    return _DAY_SECONDS * _TICKS[unit]


def as_times(unit: str) -> Convert:
    """Return the conversion of ticks since midnight."""
    ticks = _TICKS[unit]

    def convert(raw: pl.Series) -> Checked:
        good = raw.is_between(0, _DAY_SECONDS * ticks - 1)
        nanoseconds = values_where(raw, good).alias(raw.name).cast(pl.Int64) * (10**9 // ticks)
        reason = "not a time of day from 00:00:00 to 23:59:59.999999999"
        return Checked(nanoseconds.cast(pl.Time), issues_where(~good, RejectCode.NOT_A_TIME_OF_DAY, reason))

    return convert


def as_durations(dtype: pl.Duration) -> Convert:
    """Return the conversion of ticks."""
    return lambda raw: Checked(raw.cast(dtype))


def as_seconds(raw: pl.Series) -> Checked:
    """Return durations of whole seconds as milliseconds."""
    good = raw.is_between(-(MAX_INT64 // 1000), MAX_INT64 // 1000)
    milliseconds = values_where(raw, good).alias(raw.name) * 1000
    reason = "a duration of more than 292 million years"
    return Checked(
        milliseconds.cast(pl.Duration("ms")), issues_where(~good, RejectCode.YEAR_OUT_OF_RANGE, reason)
    )


def as_integers(dtype: pl.DataType) -> Convert:
    """Return the conversion of whole numbers of a width; unsigned numbers are stored as signed ones."""
    bits = WIDTHS.get(type(dtype), 64)
    first, last = (
        (-(1 << bits - 1), (1 << bits - 1) - 1) if dtype.is_signed_integer() else (0, (1 << bits) - 1)
    )

    def convert(raw: pl.Series) -> Checked:
        if raw.dtype == dtype:
            return Checked(raw)
        stored_bits = 32 if raw.dtype == pl.Int32 else 64
        if stored_bits == bits:  # the same bits, read as unsigned
            return Checked(raw.reinterpret(signed=False))
        reason = f"larger than {bits} bits"
        return _within(raw, (first, min(last, MAX_INT64)), dtype, RejectCode.DOES_NOT_FIT_64_BITS, reason)

    return convert


def as_wide_integers(dtype: pl.DataType) -> Convert:
    """Return the conversion of 16 bytes to a whole number."""
    return lambda raw: Checked(raw.bin.reinterpret(dtype=dtype, endianness="little"))


def as_nothing(raw: pl.Series) -> Checked:
    """Return nulls: a column of the type UNKNOWN has no values."""
    nothing = pl.Series(raw.name, [None], dtype=pl.Null).new_from_index(0, len(raw))
    reason = "a value although the column's type has no values"
    return Checked(nothing, issues_where(raw.is_not_null(), RejectCode.NESTED_VALUE, reason))


def as_uuids(raw: pl.Series) -> Checked:
    """Return the texts of UUIDs."""
    digits = pl.lit(raw.bin.encode("hex"))
    pieces = [
        digits.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    ]
    return Checked(pl.select(pl.concat_str(pieces, separator="-")).to_series().alias(raw.name))


def as_decimals(scale: int) -> Convert:
    """Return the conversion of big-endian bytes of any length."""
    context = Context(prec=100)

    def convert(raw: pl.Series) -> Checked:
        numbers = [None if value is None else int.from_bytes(value, "big", signed=True) for value in raw]
        fits = [number is None or abs(number) < DECIMAL_LIMIT for number in numbers]
        values = [
            Decimal(number).scaleb(-scale, context) if number is not None and good else None
            for number, good in zip(numbers, fits, strict=True)
        ]
        bad = ~pl.Series(fits, dtype=pl.Boolean)
        reason = "more than 38 digits"
        return Checked(
            pl.Series(raw.name, values, dtype=pl.Decimal(38, scale)),
            issues_where(bad, RejectCode.TOO_MANY_DIGITS, reason),
        )

    return convert


def as_far_timestamps(raw: pl.Series) -> Checked:
    """Return INT96 timestamps to the nanosecond; years outside 1677 to 2262 are a fault."""
    return int96(raw, "ns")


def as_far_microseconds(raw: pl.Series) -> Checked:
    """Return INT96 timestamps to the microsecond, of all years."""
    return int96(raw, "us")


def int96(raw: pl.Series, unit: str) -> Checked:
    """Return INT96 timestamps, which are nanoseconds of a day and its Julian day number."""
    days, nanoseconds = int96_parts(raw)
    ticks = _TICKS[unit]
    good = days.is_between(FIRST_DAY, LAST_DAY) & nanoseconds.is_between(0, _DAY_SECONDS * 10**9 - 1)
    reason = "outside the years 0001 to 9999"
    if unit == "ns":
        near = days.is_between(*_NANOSECOND_DAYS)
        if (good & ~near).any():
            reason = "outside the years 1678 to 2261, while other rows need nanoseconds"
        good &= near
    days, nanoseconds = values_where(days, good), values_where(nanoseconds, good)
    values = days * (_DAY_SECONDS * ticks) + nanoseconds // (10**9 // ticks)
    dtype = pl.Datetime(unit)  # type: ignore[arg-type] # one of the two
    return Checked(
        values.cast(dtype).alias(raw.name), issues_where(~good, RejectCode.YEAR_OUT_OF_RANGE, reason)
    )


class Int96Values:
    """What the INT96 timestamps of a leaf need.

    Attributes:
        are_far: Whether one exceeds the range of nanoseconds.
        are_fine: Whether one has digits below a microsecond.
    """

    def __init__(self) -> None:
        self.are_far = self.are_fine = False

    def look(self, raw: pl.Series) -> Checked:
        """Examine some of them, and return them unchanged."""
        days, nanoseconds = int96_parts(raw)
        self.are_far = self.are_far or bool((~days.is_between(*_NANOSECOND_DAYS)).any())
        self.are_fine = self.are_fine or bool((nanoseconds % 1000 != 0).any())
        return Checked(raw)


def int96_parts(raw: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return days since 1970 and nanoseconds of the day, as stored."""
    nanoseconds = raw.bin.slice(0, 8).bin.reinterpret(dtype=pl.Int64, endianness="little")
    julian = raw.bin.slice(8, 4).bin.reinterpret(dtype=pl.Int32, endianness="little")
    return julian.cast(pl.Int64) - JULIAN_1970, nanoseconds


def _within(
    raw: pl.Series, limits: tuple[int, int], dtype: pl.DataType, code: RejectCode, reason: str
) -> Checked:
    """Return the values of a type; those outside the limits, which are included, are a fault."""
    bad = ~raw.is_between(*limits)
    if not bad.any():
        return Checked(raw.cast(dtype))
    values = values_where(raw, ~bad).alias(raw.name).cast(dtype)
    return Checked(values, issues_where(bad, code, reason))
