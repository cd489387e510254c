"""Dates of long ago in Parquet files of Spark. They may be in another calendar than the format defines. Pure.

Spark 2 wrote dates before 1582-10-15 in the Julian calendar, and so does Spark 3 with the setting LEGACY. The
metadata of their files shows it. Times before 1900 also depend on the zone of the writer, because the older
Java classes know no local mean time.

Rules kept here, as in Spark's ``DataSourceUtils.getRebaseSpec`` and ``RebaseDateTime``:

1. A date in the hybrid calendar becomes the date with the same year, month and day. So does a time of a
   writer in UTC.
2. A time before 1900 of a writer in another or an unknown zone, and a date of a file without a version of
   Spark, could mean several moments. It rejects its row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import polars as pl

from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

_VERSION = b"org.apache.spark.version"
_ZONE = b"org.apache.spark.timeZone"
_LEGACY_DATES = b"org.apache.spark.legacyDateTime"
_LEGACY_INT96 = b"org.apache.spark.legacyINT96"
_ROW_TYPES = b"org.apache.spark.sql.parquet.row.metadata"
"""Spark before 2.4.5 wrote no version, only the types of rows."""

_UTC = (b"UTC", b"Etc/UTC", b"GMT", b"Etc/GMT", b"Z", b"+00:00")

FIRST_GREGORIAN_DAY = -141_427
"""1582-10-15 in days since 1970. From this day on, the calendars are the same."""

DAY_1900 = -25_567
"""1900-01-01 in days since 1970. From this day on, no zone of a writer matters."""

_SWITCH_DAYS = (
    *(-719_164, -682_945, -646_420, -609_895, -536_845, -500_320, -463_795),
    *(-390_745, -354_220, -317_695, -244_645, -208_120, -171_595, FIRST_GREGORIAN_DAY),
)
"""Days since 1970 in the hybrid calendar, from each of which on another difference applies (Spark's
``julianGregDiffSwitchDay``)."""

_DIFFERENCES = (2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 0)
"""Days to add from each of these days on (``julianGregDiffs``). The first one applies before them too."""


class Ancient(Enum):
    """The calendar of dates before 1582-10-15."""

    GREGORIAN = auto()
    HYBRID = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar of a file.

    Attributes:
        dates: That of its dates and 64-bit timestamps.
        int96: That of its 96-bit timestamps.
        is_utc: Whether its writer was in UTC.
    """

    dates: Ancient = Ancient.GREGORIAN
    int96: Ancient = Ancient.GREGORIAN
    is_utc: bool = False


def calendar_of(metadata: Mapping[bytes, bytes]) -> Calendar:
    """Return the calendar of a file from the part of its metadata that decides about it."""
    version = metadata.get(_VERSION)
    if version is None:
        unknown = Ancient.UNKNOWN if _ROW_TYPES in metadata else Ancient.GREGORIAN
        return Calendar(unknown, unknown)
    is_old = version < b"3.0.0"  # compared as text, as Spark does
    return Calendar(
        dates=Ancient.HYBRID if is_old or _LEGACY_DATES in metadata else Ancient.GREGORIAN,
        int96=Ancient.HYBRID if version < b"3.1.0" or _LEGACY_INT96 in metadata else Ancient.GREGORIAN,
        is_utc=metadata.get(_ZONE) in _UTC,
    )


def calendar_metadata(metadata: Mapping[object, object]) -> dict[bytes, bytes]:
    """Return the part of a file's metadata that decides about its calendar."""
    keys = (_VERSION, _ZONE, _LEGACY_DATES, _LEGACY_INT96)
    found = {key: value for key in keys if isinstance(value := metadata.get(key), bytes)}
    return found | ({_ROW_TYPES: b""} if _ROW_TYPES in metadata else {})  # their text is long


def gregorian_days(days: pl.Series, calendar: Ancient) -> tuple[pl.Series, list[RowIssue]]:
    """Return days since 1970 in the Gregorian calendar, and those that cannot be known."""
    early = days < FIRST_GREGORIAN_DAY
    if not early.any():
        return days, []
    if calendar is Ancient.HYBRID:
        return days + _difference(days).cast(days.dtype), []
    reason = "a date before 1582-10-15 of a version of Spark that does not name its calendar"
    return values_where(days, ~early), issues_where(early, RejectCode.UNKNOWN_CALENDAR, reason)


def gregorian_ticks(
    ticks: pl.Series, day_ticks: int, calendar: Ancient, *, is_utc: bool
) -> tuple[pl.Series, list[RowIssue]]:
    """Return ticks since 1970 in the Gregorian calendar, and those that cannot be known.

    Args:
        ticks: Whole numbers.
        day_ticks: Ticks of a day.
        calendar: Their calendar, another than the Gregorian one.
        is_utc: Whether the writer was in UTC.
    """
    early = ticks < DAY_1900 * day_ticks
    if not early.any():
        return ticks, []
    if calendar is Ancient.HYBRID and is_utc:
        return ticks + _difference(ticks // day_ticks) * day_ticks, []
    return values_where(ticks, ~early), _unknown_times(early)


def gregorian_int96(
    raw: pl.Series, days: pl.Series, calendar: Ancient, *, is_utc: bool
) -> tuple[pl.Series, list[RowIssue]]:
    """Return 96-bit timestamps in the Gregorian calendar, and those that cannot be known.

    Args:
        raw: Eight bytes of nanoseconds and four of the Julian day.
        days: Their days since 1970.
        calendar: Their calendar, another than the Gregorian one.
        is_utc: Whether the writer was in UTC.
    """
    early = (days < DAY_1900).fill_null(value=False)
    if not early.any():
        return raw, []
    if calendar is not Ancient.HYBRID or not is_utc:
        return values_where(raw, ~early), _unknown_times(early)
    shifted = [_shifted(value, by) if by else value for value, by in zip(raw, _difference(days), strict=True)]
    return pl.Series(raw.name, shifted, dtype=raw.dtype), []


def _shifted(value: bytes, days: int) -> bytes:
    """Return a 96-bit timestamp a number of days later."""
    day = int.from_bytes(value[8:], "little", signed=True) + days
    return value[:8] + day.to_bytes(4, "little", signed=True)


def _difference(days: pl.Series) -> pl.Series:
    """Return the days to add to days in the hybrid calendar."""
    steps = zip(_SWITCH_DAYS[1:], _DIFFERENCES, _DIFFERENCES[1:], strict=False)
    difference = days.cast(pl.Int64) * 0 + _DIFFERENCES[0]
    for day, before, after in steps:
        difference += (days >= day).cast(pl.Int64) * (after - before)
    return difference


def _unknown_times(early: pl.Series) -> list[RowIssue]:
    reason = "a time before 1900 in a calendar of Spark that depends on the zone of its writer"
    return issues_where(early, RejectCode.UNKNOWN_CALENDAR, reason)
