"""Convert wall-clock times of a zone to UTC.

Rules kept here:

1. A time without a zone is wall-clock time in the configured zone; the zone of this machine does not matter.
2. A wall-clock time that does not exist (clocks put forward) or exists twice (put back) rejects its row,
   unless the user decides otherwise.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from loader.records.instants import Instants
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

SECONDS_RANGE = (-62_135_596_800, 253_402_300_799)
"""0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z in epoch seconds: years with four digits."""

ZONES_END = 4_102_444_800
"""2100-01-01 in epoch seconds. From here on, polars' zone tables have no daylight saving time."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """How to interpret times without a zone.

    Attributes:
        zone: IANA name of their zone.
        ambiguous: ``reject``, ``earliest`` or ``latest``, for a time that exists twice.
        nonexistent: ``reject`` or ``forward``, for a time that does not exist.
    """

    zone: str
    ambiguous: str = "reject"
    nonexistent: str = "reject"


UTC = WallClock("UTC")


def to_utc(
    seconds: pl.Series, fraction: pl.Series, naive: pl.Series, clock: WallClock
) -> tuple[Instants, list[RowIssue]]:
    """Return points in time with four-digit years, and the rows outside that range.

    Args:
        seconds: Whole epoch seconds, with every time read as UTC.
        fraction: The digits after the decimal point.
        naive: Rows without a zone, which are wall-clock times.
        clock: How to interpret those.
    """
    inside = seconds.is_between(*SECONDS_RANGE)
    problems = issues_where(~inside, RejectCode.YEAR_OUT_OF_RANGE, "outside the years 0001 to 9999")
    seconds = values_where(seconds, inside)
    if clock.zone != "UTC" and naive.any():
        utc, zone_problems = _from_wall_clock(values_where(seconds, naive), clock)
        seconds = utc.zip_with(naive, seconds)
        inside = seconds.is_between(*SECONDS_RANGE)
        problems += zone_problems
        problems += issues_where(
            ~inside, RejectCode.YEAR_OUT_OF_RANGE, "in UTC outside the years 0001 to 9999"
        )
        seconds = values_where(seconds, inside)
    return Instants(seconds, fraction), problems


def _from_wall_clock(seconds: pl.Series, clock: WallClock) -> tuple[pl.Series, list[RowIssue]]:
    zone, times = clock.zone, pl.from_epoch(seconds, "s")
    first = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    second = times.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    utc, utc_if_later = first.dt.epoch("s"), second.dt.epoch("s")
    late = seconds >= ZONES_END
    if late.any():
        utc, utc_if_later = _beyond_zone_tables(seconds, late, utc, utc_if_later, zone)
    never = seconds.is_not_null() & utc.is_null()
    twice = utc != utc_if_later
    problems: list[RowIssue] = []
    if clock.nonexistent == "forward":
        rows = never.arg_true()
        utc = utc.scatter(rows, [_utc_from_before_gap(each, zone) for each in seconds.gather(rows)])
    else:
        reason = f"this time does not exist in {zone}: clocks were put forward"
        problems += issues_where(never, RejectCode.NO_SUCH_LOCAL_TIME, reason)
    if clock.ambiguous == "reject":
        reason = f"this time exists twice in {zone}: clocks were put back"
        problems += issues_where(twice, RejectCode.AMBIGUOUS_LOCAL_TIME, reason)
    elif clock.ambiguous == "latest":
        utc = utc.zip_with(~twice.fill_null(value=False), utc_if_later)
    return utc, problems


@lru_cache(maxsize=4096)
def _utc_from_before_gap(wall_clock_seconds: int, zone: str) -> int:
    """Return the moment of a wall-clock time in a gap, by the offset before the gap."""
    wall = datetime(1970, 1, 1) + timedelta(seconds=wall_clock_seconds)  # noqa: DTZ001 - a wall clock
    before = wall.replace(tzinfo=ZoneInfo(zone), fold=0).utcoffset()
    assert before is not None
    return wall_clock_seconds - int(before.total_seconds())


def _beyond_zone_tables(
    seconds: pl.Series, late: pl.Series, utc: pl.Series, utc_if_later: pl.Series, zone: str
) -> tuple[pl.Series, pl.Series]:
    """Convert the few times that polars would get wrong with the standard library."""
    rows = late.fill_null(value=False).arg_true()
    pairs = [_utc_by_the_library(row_seconds, zone) for row_seconds in seconds.gather(rows)]
    earlier, later = zip(*pairs, strict=True)
    return utc.scatter(rows, earlier), utc_if_later.scatter(rows, later)


@lru_cache(maxsize=4096)  # most often the placeholder for "no end", 9999-12-31
def _utc_by_the_library(wall_clock_seconds: int, zone: str) -> tuple[int | None, int | None]:
    clock = datetime(1970, 1, 1) + timedelta(seconds=wall_clock_seconds)  # noqa: DTZ001 - a wall clock
    before, after = (clock.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None
    assert after is not None
    if before < after:  # the offset grows only across a gap
        return None, None
    return wall_clock_seconds - int(before.total_seconds()), wall_clock_seconds - int(after.total_seconds())
