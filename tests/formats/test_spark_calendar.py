"""Dates of long ago in files of Spark: the calendar that the metadata names, and an independent oracle."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.formats.parquet.source import ParquetSource
from loader.formats.spark_calendar import Ancient, gregorian_days
from loader.reject_code import RejectCode
from tests.formats.test_parquet_copies import copied
from tests.formats.test_parquet_types import load

EPOCH = dt.date(1970, 1, 1)
UNKNOWN = RejectCode.UNKNOWN_CALENDAR
SPARK_2 = {"org.apache.spark.version": "2.4.8"}
LEGACY = {"org.apache.spark.version": "3.5.1", "org.apache.spark.legacyDateTime": ""}
UTC = {"org.apache.spark.timeZone": "UTC"}
JULIAN_1000 = -354_280
"""1000-01-01 of the Julian calendar in days since 1970; 1000-01-06 of the Gregorian one."""

FIRST = -719_164
"""0001-01-01 of the Julian calendar, a usual word for "no date"."""


def day_of_julian_date(year: int, month: int, day: int) -> int:
    """Return days since 1970 of a date in the Julian calendar (the usual formula for Julian day numbers)."""
    before = (14 - month) // 12
    years, months = year + 4800 - before, month + 12 * before - 3
    return day + (153 * months + 2) // 5 + 365 * years + years // 4 - 32_083 - 2_440_588


def test_each_julian_date_becomes_the_same_gregorian_date() -> None:
    """Every date from 0001-01-01 to 1582-10-04; a 29 February that does not exist becomes 1 March."""
    dates = [
        (year, month, day)
        for year in range(1, 1583)
        for month in range(1, 13)
        for day in (1, 2, 14, 28, 29)
        if (year, month, day) < (1582, 10, 5) and not (day == 29 and month == 2 and year % 4)
    ]
    days = pl.Series([day_of_julian_date(*date) for date in dates], dtype=pl.Int32)
    expected = [
        (dt.date(year, month, 1) + dt.timedelta(days=day - 1) - EPOCH).days for year, month, day in dates
    ]
    assert gregorian_days(days, Ancient.HYBRID)[0].to_list() == expected


def parquet(path: Path, values: pa.Array, metadata: Mapping[str, str], **options: Any) -> bytes:
    table = pa.table({"id": [f"r{row}" for row in range(len(values))], "v": values})
    pq.write_table(table.replace_schema_metadata(metadata), path, **options)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("metadata", "texts"),
    [
        (SPARK_2, ["0001-01-01T00:00:00Z", "1000-01-01T00:00:00Z", "1582-10-04T00:00:00Z"]),
        (LEGACY, ["0001-01-01T00:00:00Z", "1000-01-01T00:00:00Z", "1582-10-04T00:00:00Z"]),
        ({"org.apache.spark.version": "3.0.0"}, [None, "1000-01-06T00:00:00Z", "1582-10-14T00:00:00Z"]),
        ({}, [None, "1000-01-06T00:00:00Z", "1582-10-14T00:00:00Z"]),
        ({"org.apache.spark.sql.parquet.row.metadata": "{}"}, [None, None, None]),
    ],
    ids=["Spark 2", "LEGACY", "Spark 3", "not Spark", "Spark without a version"],
)
def test_a_date_is_read_in_the_calendar_of_its_file(
    tmp_path: Path, job_of, metadata: dict[str, str], texts: list[str | None]
) -> None:
    """Also inside lists and structs; a copy of rejected rows is read like the original."""
    days = [FIRST, JULIAN_1000, -141_428, -141_427, None]
    content = parquet(tmp_path / "w.parquet", pa.array(days, pa.date32()), metadata)
    found, rejected = load(tmp_path / "x.parquet", content, job_of)
    shown = [None if text is None else text[:10] for text in [*texts, "1582-10-15T00:00:00Z"]]
    assert [text[:10] for text in found if text is not None] == [text for text in shown if text is not None]
    assert [row for row, _, _ in rejected] == [row for row, text in enumerate(texts) if text is None]
    if rejected:
        code = UNKNOWN if "row.metadata" in str(metadata) else RejectCode.YEAR_OUT_OF_RANGE
        assert {each for _, _, each in rejected} == {code}
    copy = copied(tmp_path, job_of, content, range(5))
    assert load(tmp_path / "copy.parquet", copy, job_of) == (found, rejected)
    nested = pa.array([[{"day": day}, None] for day in days], pa.list_(pa.struct([("day", pa.date32())])))
    of_lists, _ = load(tmp_path / "n.parquet", parquet(tmp_path / "w.parquet", nested, metadata), job_of)
    inside = [text.split('"')[3][:10] for text in of_lists if text is not None and "null" not in text[:12]]
    assert inside == [text for text in shown if text is not None]


MOMENTS = [dt.datetime(1000, 1, 6, 12, 30, 15, 250_000), dt.datetime(1890, 1, 1), dt.datetime(1900, 1, 1)]  # noqa: DTZ001


@pytest.mark.parametrize("kind", ["us", "ms", "INT96"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", None])
def test_a_time_is_converted_only_if_its_writer_was_in_utc(
    tmp_path: Path, job_of, kind: str, zone: str | None
) -> None:
    """Before 1900, the zones of the older Java classes differ from those of the newer ones."""
    metadata = SPARK_2 | ({"org.apache.spark.timeZone": zone} if zone else {})
    is_int96 = kind == "INT96"
    values = pa.array(MOMENTS, pa.timestamp("us" if is_int96 else kind))
    content = parquet(tmp_path / "w.parquet", values, metadata, use_deprecated_int96_timestamps=is_int96)
    found, rejected = load(tmp_path / "x.parquet", content, job_of)
    if zone == "UTC":
        assert found == ["1000-01-01T12:30:15.25Z", "1890-01-01T00:00:00Z", "1900-01-01T00:00:00Z"]
        assert rejected == []
    else:
        assert found == ["1900-01-01T00:00:00Z"]
        assert rejected == [(0, "v", UNKNOWN), (1, "v", UNKNOWN)]


def test_only_96_bit_timestamps_of_spark_3_0_are_in_the_old_calendar(tmp_path: Path, job_of) -> None:
    """Spark writes them in the new one since 3.1."""
    for version, is_old in (("3.0.3", True), ("3.1.0", False)):
        metadata = {"org.apache.spark.version": version} | UTC
        values = pa.array(MOMENTS[:1], pa.timestamp("us"))
        for is_int96 in (True, False):
            content = parquet(
                tmp_path / "w.parquet", values, metadata, use_deprecated_int96_timestamps=is_int96
            )
            found, _ = load(tmp_path / "x.parquet", content, job_of)
            assert found == [f"1000-01-0{1 if is_old and is_int96 else 6}T12:30:15.25Z"]


def test_files_of_two_calendars_are_not_read_as_one(tmp_path: Path) -> None:
    """The schemas have the same bytes; only the metadata behind them differs."""
    sources = []
    for name, metadata in (("a", SPARK_2), ("b", {"org.apache.spark.version": "3.5.1"}), ("c", SPARK_2)):
        path = tmp_path / f"{name}.parquet"
        size = len(parquet(path, pa.array([JULIAN_1000], pa.date32()), metadata))
        sources.append(ParquetSource(str(path), size))
    old, new, same = sources
    assert (old.has_layout_of(new), old.has_layout_of(same)) == (False, True)
    read = [source.read(["v"], 0, 1).frame["v"].item() for source in sources]
    assert read == [dt.date(1000, 1, 1), dt.date(1000, 1, 6), dt.date(1000, 1, 1)]
