"""Points in time: no shift, no lost digit, no guess."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.records.instants import Instants
from loader.records.time_zones import UTC, WallClock
from loader.records.timestamps import from_column, from_text
from loader.row_issues import RowIssue
from loader.strptime.format_faults import format_fault

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CLOCKS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001 - wall clocks
OFFSETS = st.integers(-18 * 60, 18 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


def read(
    values: Sequence[object],
    zone: str | WallClock = "UTC",
    formats: Sequence[str] = (),
    dtype: object = pl.String,
) -> tuple[Instants, list[RowIssue]]:
    series = pl.Series("source", values, dtype=dtype)  # type: ignore[arg-type]  # a polars type
    clock = zone if isinstance(zone, WallClock) else WallClock(zone)
    return from_text(series, formats, clock) if series.dtype == pl.String else from_column(series, clock)


def iso(text: str, zone: str = "UTC", formats: Sequence[str] = ()) -> str | None:
    instants, _ = read([text], zone, formats)
    moment: str | None = instants.iso_8601()[0]
    return moment


def reasons(text: str, zone: str = "UTC", formats: Sequence[str] = ()) -> list[str]:
    return [problem.reason for problem in read([text], zone, formats)[1]]


def in_iso(moment: dt.datetime) -> str:
    """Write a moment as the loader should, by other means."""
    moment = moment.astimezone(dt.UTC)
    digits = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment.isoformat(timespec='seconds').removesuffix('+00:00')}{digits}Z"


def from_zone(clock: dt.datetime, zone: str) -> dt.datetime | None:
    """Return the moment that a wall clock shows once, by the standard library; None if never or twice."""
    earlier, later = (clock.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    return earlier.astimezone(dt.UTC) if earlier.utcoffset() == later.utcoffset() else None


@given(clock=CLOCKS, offset=OFFSETS, separator=st.sampled_from("T "), colon=st.booleans())
def test_a_named_offset_decides_the_moment(
    clock: dt.datetime,
    offset: dt.timezone,
    separator: str,
    colon: bool,  # noqa: FBT001 - drawn
) -> None:
    """Text with an offset means the same moment in every zone setting."""
    text = clock.isoformat(sep=separator) + clock.replace(tzinfo=offset).strftime("%:z" if colon else "%z")
    if colon:
        text = clock.replace(tzinfo=offset).isoformat(sep=separator)
    for zone in ("UTC", "Europe/Berlin"):
        assert iso(text, zone) == in_iso(clock.replace(tzinfo=offset))


@given(clock=CLOCKS, zone=st.sampled_from(ZONES))
def test_a_wall_clock_is_read_in_its_zone(clock: dt.datetime, zone: str) -> None:
    """Text without an offset is that zone's wall clock, in any year; what is not sure is refused."""
    moment = from_zone(clock, zone)
    text = clock.isoformat()
    assert iso(text, zone) == (None if moment is None else in_iso(moment))
    assert (reasons(text, zone) == []) == (moment is not None)


@given(
    ticks=st.integers(-(2**62), 2**62),
    unit=st.sampled_from(["ms", "us", "ns"]),
    zone=st.sampled_from([None, "UTC", "America/New_York"]),
)
def test_parquet_timestamps_keep_their_digits(ticks: int, unit: str, zone: str | None) -> None:
    """Every resolution, zoned or not, is the same point in time to its last digit."""
    dtype = pl.Datetime(unit, zone)  # type: ignore[arg-type]  # a drawn unit
    series = pl.Series("source", [ticks], dtype=pl.Int64).cast(dtype)
    instants, problems = from_column(series, UTC)
    per_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    if not -62_135_596_800 <= ticks // per_second <= 253_402_300_799:
        assert [problem.reason for problem in problems] == ["outside the years 0001 to 9999"]
        return
    assert problems == []
    text = instants.iso_8601()[0]
    seconds, rest = divmod(ticks, per_second)
    assert text.startswith(in_iso(EPOCH + dt.timedelta(seconds=seconds)).removesuffix("Z"))
    fraction = text.removesuffix("Z").partition(".")[2]
    assert Decimal(f"0.{fraction or 0}") == Decimal(rest) / per_second
    assert not fraction.endswith("0")
    assert Decimal(instants.epoch_seconds()[0]) == Decimal(ticks) / per_second
    assert int(instants.epoch_milliseconds()[0]) == ticks * 1000 // per_second


@given(clock=CLOCKS, unit=st.sampled_from(["ms", "us"]))
def test_naive_parquet_timestamps_and_their_texts_agree(clock: dt.datetime, unit: str) -> None:
    """The same wall clock is the same moment, whether it comes as a timestamp, a date or a text."""
    clock = clock.replace(microsecond=clock.microsecond // 1000 * 1000)
    instants, _ = read([clock], "Europe/Berlin", dtype=pl.Datetime(unit))  # type: ignore[arg-type]  # drawn
    assert instants.iso_8601()[0] == iso(clock.isoformat(), "Europe/Berlin")
    instants, _ = read([clock.date()], "Europe/Berlin", dtype=pl.Date)
    assert instants.iso_8601()[0] == iso(clock.date().isoformat(), "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31T00:00:00Z"),
        ("2024-01-31T10:11", "2024-01-31T10:11:00Z"),
        ("2024-01-31 10:11:12", "2024-01-31T10:11:12Z"),
        ("2024-01-31T10:11:12.000", "2024-01-31T10:11:12Z"),
        ("2024-01-31T10:11:12.1200", "2024-01-31T10:11:12.12Z"),
        ("2024-01-31T10:11:12.123456789Z", "2024-01-31T10:11:12.123456789Z"),
        ("2024-01-31T10:11+02", "2024-01-31T08:11:00Z"),
        ("2024-01-31T10:11:12-0530", "2024-01-31T15:41:12Z"),
        ("1900-01-01 00:00:00", "1900-01-01T00:00:00Z"),
        ("9999-12-31 23:59:59", "9999-12-31T23:59:59Z"),
    ],
)
def test_forms_of_iso_8601(text: str, expected: str) -> None:
    """Dates, minutes, seconds, fractions, offsets, and AWS's placeholders for no start and no end."""
    assert iso(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1515531081",
        "0000-01-01",
        "2024-02-30",
        "2024-1-2",
        "20240131",
        "31.01.2024",
        "2024-01-31\n",
        "2024-01-31Z",
        "2024-01-31T10",
        "2024-01-31T24:00:00",
        "2024-01-31t10:11",
        "2024-01-31T10:11:60",
        "2024-01-31T10:11:12,5",
        "2024-01-31T10:11:12.",
        "2024-01-31T10:11:12 Z",
        "2024-01-31T10:11:12+25:00",
    ],
)
def test_what_is_not_iso_8601(text: str) -> None:
    """Anything else rejects the row; nothing is guessed."""
    assert iso(text) is None
    assert len(reasons(text)) == 1


def test_times_that_never_were_and_times_that_were_twice() -> None:
    """The reasons name the zone."""
    assert "does not exist in Europe/Berlin" in reasons("2024-03-31T02:30", "Europe/Berlin")[0]
    assert "exists twice in Europe/Berlin" in reasons("2024-10-27T02:30", "Europe/Berlin")[0]
    assert "exists twice" in reasons("2150-10-25T02:30", "Europe/Berlin")[0]
    assert "does not exist" in reasons("2150-03-29T02:30", "Europe/Berlin")[0]
    assert "outside" in reasons("9999-12-31T23:59:59", "America/New_York")[0]


def test_one_bad_time_harms_no_other() -> None:
    """A fault is reported for its row only."""
    texts = ["2024-03-31T02:30", "2024-07-01", None, "x", "2024-07-01T00:00Z", "2024-10-27T02:30"]
    instants, problems = read(texts, "Europe/Berlin")
    moments = instants.iso_8601().to_list()
    assert moments[1:5] == ["2024-06-30T22:00:00Z", None, None, "2024-07-01T00:00:00Z"]
    assert sorted(row for problem in problems for row in problem.rows.arg_true()) == [0, 3, 5]


FORMATS = [
    "%d-%b-%y",
    "%m/%d/%y",
    "%Y%m%d",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%d/%m/%Y %I:%M:%S %p",
    "%A, %d %B %Y",
    "%Y-%j",
    "%Y-%m-%dT%H:%M:%S%z",
]


@given(
    clock=st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2067, 1, 1)),  # noqa: DTZ001 - a wall clock
    text_format=st.sampled_from(FORMATS),
    offset=OFFSETS,
)
def test_formats_mean_what_python_means_by_them(
    clock: dt.datetime, text_format: str, offset: dt.timezone
) -> None:
    """A format reads back the moment it wrote, as far as it wrote it."""
    text = clock.replace(tzinfo=offset).strftime(text_format)
    expected = dt.datetime.strptime(text, text_format)  # noqa: DTZ007 - most formats name no zone
    expected = expected if expected.tzinfo else expected.replace(tzinfo=dt.UTC)
    assert iso(text, formats=[text_format]) == in_iso(expected)


@given(
    text=st.text(st.sampled_from("0123456789-JanuFeb /"), max_size=11),
    text_format=st.sampled_from(FORMATS[:3]),
)
def test_what_a_format_accepts_python_accepts_too(text: str, text_format: str) -> None:
    """Polars' laxer reading lets nothing through that means something else: a year 06 is not the year 6."""
    moment = iso(text, formats=[text_format])
    if moment is not None:
        assert in_iso(dt.datetime.strptime(text, text_format).replace(tzinfo=dt.UTC)) == moment


def test_formats_are_tried_in_order() -> None:
    """The first format that fits is used; a text that fits none is reported."""
    formats = ["%d-%b-%Y", "%d-%b-%y", "%m/%d/%y"]
    texts = ["2-Jun-06", "11/13/06", "13-Nov-2006", "Date Not Captured", None]
    instants, problems = read(texts, formats=formats)
    assert instants.iso_8601().to_list() == [
        "2006-06-02T00:00:00Z",
        "2006-11-13T00:00:00Z",
        "2006-11-13T00:00:00Z",
        None,
        None,
    ]
    assert [(problem.reason, problem.rows.arg_true().to_list()) for problem in problems] == [
        ("does not match the formats", [3])
    ]


def test_a_format_reads_a_zone_named_z() -> None:
    """%z takes offsets and Z, as in Python."""
    assert iso("2024-01-02T03:04:05Z", "Europe/Berlin", ["%Y-%m-%dT%H:%M:%S%z"]) == "2024-01-02T03:04:05Z"


@pytest.mark.parametrize("text_format", FORMATS)
def test_formats_that_can_be_relied_on(text_format: str) -> None:
    """Formats that name a whole date pass the check."""
    assert format_fault(text_format) is None


@pytest.mark.parametrize(
    ("text_format", "fault"),
    [
        ("%H:%M", "whole date"),
        ("%Y-%m", "whole date"),
        ("hello", "whole date"),
        ("%d/%m/%Y %I:%M", "%I needs %p"),
        ("%Y-%m-%d %f", "%f must follow a point"),
        ("%s", "%s is not one of"),
        ("%d.%m.%Y %d", "%d occurs more than once"),
        ("%Y-%m-%d %Z", "%Z is not one of"),
        ("%Y-%m-%dT%H:%M:%SZ", "use %z"),
        ("%Y-%m-%d%", "is not one of"),
        *((f"%Y-%m-%d %H:%M:%S {zone}", "use %z") for zone in ("UTC", "GMT", "EST", "[Europe/Berlin]", "z")),
        *((f"{zone} %Y-%m-%d %H:%M", "use %z") for zone in ("UTC", "CEST", "Zulu")),
        *((f"%Y-%m-%d %H:%M:%S{offset}", "offset from UTC") for offset in ("+00:00", " +0000", "-00")),
        ("%Y-%m-%d %H:%M:%S-05:00", "digits that would not be read"),
        ("%Y-%m-%d 12:00:00", "digits that would not be read"),
        ("%Y-%m-%d 00:00:00+00:00", "offset from UTC"),
        ("%d.%m.20%y", "digits that would not be read"),
        ("%Y-%m-%d %H:%M PM", "%p for AM and PM"),
        ("%Y-%m-%d %H:%M a.m.", "%p for AM and PM"),
    ],
)
def test_formats_that_cannot(text_format: str, fault: str) -> None:
    """A format that would read wrong times without a word is refused before the load."""
    assert fault in (format_fault(text_format) or "")


def test_a_fraction_python_cannot_read_rejects_its_row() -> None:
    """%f is at most six digits; a seventh is not cut off in silence."""
    formats = ["%Y-%m-%d %H:%M:%S.%f"]
    assert iso("2024-01-02 03:04:05.123456", formats=formats) == "2024-01-02T03:04:05.123456Z"
    assert iso("2024-01-02 03:04:05.1234567", formats=formats) is None


def test_no_rows_at_all() -> None:
    """An empty column has no points in time and no problem."""
    for formats in ((), ("%Y%m%d",)):
        instants, problems = read([], "Europe/Berlin", formats)
        assert instants.iso_8601().to_list() == instants.epoch_seconds().to_list() == []
        assert problems == []


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_days_that_lie_close_are_written_like_days_far_apart(unit: pl._typing.TimeUnit) -> None:
    """Every day and second around 1970 and in leap years: as the standard library writes them."""
    moments = [
        first + dt.timedelta(days=step, seconds=step * 7919, milliseconds=step % 3 * 250)
        for first in (EPOCH - dt.timedelta(days=300), dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        for step in range(400)
    ]
    together = [read(part, dtype=pl.Datetime(unit, "UTC"))[0].iso_8601() for part in (moments[:400], moments)]
    assert together[1].to_list() == [in_iso(moment) for moment in moments]
    assert together[0].to_list() == together[1].to_list()[:400]


@pytest.mark.parametrize("formats", [(), ("%d.%m.%Y %H:%M", "%Y-%m-%d")])
def test_texts_that_stand_in_many_rows_are_read_as_in_one(formats: Sequence[str]) -> None:
    """Equal texts are parsed once: each row still has its own value, and its own problem."""
    texts = ["2024-02-30", None, "2024-02-29", "", "31.03.2024 02:30", "2024-03-31T02:30:00", "0001-01-01"]
    instants, problems = read(texts * 40, "Europe/Berlin", formats)
    alone = [iso(text, "Europe/Berlin", formats) if text is not None else None for text in texts]
    assert instants.iso_8601().to_list() == alone * 40
    for position, text in enumerate(texts):
        told = [problem.reason for problem in problems if problem.rows[position + 7 * 20]]
        assert told == ([] if text is None else reasons(text, "Europe/Berlin", formats))


@pytest.mark.parametrize(
    "text_format", ["%Y-%m-%dT%H:%M", "%d de %B de %Y", "am %d.%m.%Y um %H:%M Uhr", "%Y-%m-%d 00:00:00"]
)
def test_literal_words_that_say_nothing_of_the_moment(text_format: str) -> None:
    """Prepositions, units and zeros may stand in a format."""
    assert format_fault(text_format) is None


@pytest.mark.parametrize("year", [0, 1, 67, 68, 69, 70, 71, 99])
def test_two_digits_of_a_year_are_read_as_python_reads_them(year: int) -> None:
    """POSIX: 69 to 99 are 1969 to 1999; also near midnight of another zone."""
    for text_format in ("%d-%b-%y", "%y%m%d", "%d.%m.%y %H:%M %z"):
        moment = dt.datetime(1900 + year, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
        text = moment.strftime(text_format)
        expected = dt.datetime.strptime(text, text_format)  # noqa: DTZ007 - naive is what most formats are
        utc = expected.astimezone(dt.UTC) if expected.tzinfo else expected
        assert iso(text, formats=[text_format]) == f"{utc:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("text", "text_format"), [("1112024", "%d%m%Y"), ("202411", "%Y%m%d"), ("202411111", "%Y%m%d%H%M")]
)
def test_directives_side_by_side_need_all_their_digits(text: str, text_format: str) -> None:
    """1112024 may be 1 November or 11 January: its row is rejected."""
    assert iso(text, formats=[text_format]) is None


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0", "epoch_s", "1970-01-01T00:00:00Z"),
        ("1700000000", "epoch_s", "2023-11-14T22:13:20Z"),
        ("1700000000.25", "epoch_s", "2023-11-14T22:13:20.25Z"),
        ("1700000000123", "epoch_ms", "2023-11-14T22:13:20.123Z"),
        ("1700000000123456", "epoch_us", "2023-11-14T22:13:20.123456Z"),
        ("1700000000007.5", "epoch_ms", "2023-11-14T22:13:20.0075Z"),
        ("-1", "epoch_ms", "1969-12-31T23:59:59.999Z"),
        ("-86400", "epoch_s", "1969-12-31T00:00:00Z"),
        ("253402300799", "epoch_s", "9999-12-31T23:59:59Z"),
        ("253402300800", "epoch_s", None),
        ("-1.5", "epoch_s", None),
        ("1.7e12", "epoch_ms", None),
        ("1,700", "epoch_s", None),
        ("9999999999999999999999", "epoch_us", None),
        ("2024-01-31", "epoch_s", None),
        ("", "epoch_s", None),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_epoch_numbers(text: str, unit: str, expected: str | None, zone: str) -> None:
    """They count from 1970 in UTC, in any zone; other texts are never guessed."""
    assert iso(text, zone, [unit]) == expected
    assert bool(reasons(text, zone, [unit])) == (expected is None)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_epoch_microseconds_are_exact(microseconds: int) -> None:
    """Every digit, by the standard library."""
    moment = EPOCH + dt.timedelta(microseconds=microseconds)
    assert iso(str(microseconds), formats=["epoch_us"]) == in_iso(moment)


def test_formats_beside_epochs_are_tried_in_order() -> None:
    """A column that holds both."""
    instants, problems = read(["1700000000000", "2024-01-31", "x"], formats=["epoch_ms", "%Y-%m-%d"])
    assert instants.iso_8601().to_list() == ["2023-11-14T22:13:20Z", "2024-01-31T00:00:00Z", None]
    assert [problem.rows.to_list() for problem in problems] == [[False, False, True]]


@given(CLOCKS, st.sampled_from(ZONES))
@example(dt.datetime(2024, 3, 31, 2, 30), "Europe/Berlin")  # noqa: DTZ001 - wall clocks
@example(dt.datetime(2024, 10, 27, 2, 30), "Europe/Berlin")  # noqa: DTZ001
@example(dt.datetime(2150, 3, 29, 2, 30), "Europe/Berlin")  # noqa: DTZ001
def test_decided_local_times_are_those_of_the_standard_library(clock: dt.datetime, zone: str) -> None:
    """``fold`` tells the earlier from the later; in a gap, fold 0 goes on from before it."""
    text = clock.isoformat(sep=" ", timespec="microseconds")
    zoned = [clock.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    before, after = (each.utcoffset() for each in zoned)
    assert before is not None
    assert after is not None
    in_gap = before < after
    for choice, fold in (("earliest", 0), ("latest", 1)):
        moment = zoned[0 if in_gap else fold].astimezone(dt.UTC)
        decided = WallClock(zone, ambiguous=choice, nonexistent="forward")
        (instants, problems) = read([text], decided)
        assert problems == []
        assert instants.iso_8601().to_list() == [in_iso(moment)]
