"""Convert dates, Parquet timestamps and texts to points in time."""

from collections.abc import Callable, Sequence

import polars as pl

from loader.records.epochs import EPOCHS, read_epoch
from loader.records.instants import Instants, no_fraction, trimmed
from loader.records.time_zones import WallClock, to_utc
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where
from loader.strptime.day_of_year import CYYDDD, YEAR_AND_DAY, as_year_and_day
from loader.strptime.reading import moments

ISO_8601 = (
    r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-8])(?::?[0-5][0-9])?)?)?$"
)
"""Extended format: a date, or a date and a time, optionally with an offset from UTC."""

ISO_FORMAT = "iso8601"
"""Name of ISO 8601 among other formats."""

_UNITS = {"ms": 3, "us": 6, "ns": 9}
"""Decimal places of Parquet's timestamp units."""


def from_column(series: pl.Series, clock: WallClock) -> tuple[Instants, list[RowIssue]]:
    """Return the points in time of a column of dates or timestamps; ``clock`` interprets naive ones."""
    if series.dtype == pl.Date:
        seconds = series.cast(pl.Int64) * 86_400
        return to_utc(seconds, no_fraction(len(series)), seconds.is_not_null(), clock)
    dtype = series.dtype
    assert isinstance(dtype, pl.Datetime)
    digits = _UNITS[dtype.time_unit]
    ticks = series.to_physical()
    seconds = ticks // 10**digits
    rest = ticks - seconds * 10**digits
    fraction = no_fraction(len(series))
    if (rest != 0).any():
        fraction = trimmed(rest.cast(pl.String).str.zfill(digits))
    naive = series.is_not_null() if dtype.time_zone is None else _all(series, value=False)
    return to_utc(seconds, fraction, naive, clock)


def from_text(text: pl.Series, formats: Sequence[str], clock: WallClock) -> tuple[Instants, list[RowIssue]]:
    """Return the points in time of a column of texts.

    Args:
        text: The texts; null where there is no value.
        formats: strftime formats, names in EPOCHS, CYYDDD or ISO_FORMAT, tried in this order; ISO 8601 if
            empty.
        clock: Interprets texts without a zone.
    """
    parsed = _each_once(text, lambda texts: _formatted(texts, formats) if formats else _iso_8601(texts))
    instants, problems = to_utc(parsed["seconds"], parsed["fraction"], parsed["naive"], clock)
    reason = "does not match the formats" if formats else "not ISO 8601, such as 2024-01-31T23:59:59Z"
    unread = text.is_not_null() & parsed["seconds"].is_null()
    return instants, issues_where(unread, RejectCode.NOT_A_TIMESTAMP, reason) + problems


def _each_once(text: pl.Series, parse: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """Parse each distinct text once if texts repeat: extracts have far fewer dates than rows."""
    distinct = text.unique()
    if 2 * len(distinct) > len(text):
        return parse(text)
    parsed = parse(distinct).with_columns(distinct.alias("text"))
    rows = pl.DataFrame({"text": text})
    return rows.join(parsed, on="text", how="left", nulls_equal=True, maintain_order="left").drop("text")


def _iso_8601(text: pl.Series) -> pl.DataFrame:
    valid = pl.DataFrame({"text": text}).select(
        pl.when(pl.col("text").str.contains(ISO_8601)).then(pl.col("text"))
    )
    days = pl.col("text").str.head(10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64)
    has_seconds = pl.col("text").str.slice(16, 1) == ":"
    seconds = pl.when(has_seconds).then(_number("text", 17)).otherwise(0)
    after_minutes, after_seconds = (pl.col("text").str.slice(place) for place in (16, 19))
    parsed = valid.select(
        (days * 86_400 + _number("text", 11) * 3600 + _number("text", 14) * 60 + seconds).alias("seconds"),
        pl.when(has_seconds).then(after_seconds).otherwise(after_minutes).alias("tail"),
    )
    return _with_tail(parsed)


def _with_tail(parsed: pl.DataFrame) -> pl.DataFrame:
    """Split what follows the seconds, such as ``.5+02:00``, into fraction and offset."""
    zone = pl.col("tail").str.strip_chars_start(".0123456789").str.replace(":", "", literal=True)
    parsed = parsed.with_columns(zone.alias("zone"))
    fraction, offset = no_fraction(parsed.height), pl.lit(None, dtype=pl.Int64)
    if parsed["tail"].str.starts_with(".").any():
        fraction = trimmed(parsed["tail"].str.extract(r"^\.([0-9]+)"))
    if (parsed["zone"] != "").any():
        size = _number("zone", 1) * 3600 + _number("zone", 3) * 60
        sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
        offset = pl.when(pl.col("zone") != "").then(sign * size)
    return parsed.select(
        seconds=pl.col("seconds") - offset.fill_null(0),
        fraction=fraction,
        naive=offset.is_null() & pl.col("seconds").is_not_null(),
    )


def _number(name: str, place: int) -> pl.Expr:
    """Return the two digits at a place of each text in a column as a number; 0 if there are none."""
    return pl.col(name).str.slice(place, 2).cast(pl.Int64, strict=False).fill_null(0)


def _formatted(text: pl.Series, formats: Sequence[str]) -> pl.DataFrame:
    nothing = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(text))
    parsed = pl.DataFrame(
        {"seconds": nothing, "fraction": no_fraction(len(text)), "naive": _all(text, value=False)}
    )
    for text_format in formats:
        read = _read(values_where(text, parsed["seconds"].is_null()), text_format)
        parsed = parsed.select(
            pl.col("seconds").fill_null(read["seconds"]),
            pl.col("fraction").fill_null(read["fraction"]),
            pl.col("naive") | read["naive"],
        )
    return parsed


def _read(text: pl.Series, text_format: str) -> pl.DataFrame:
    """Return what the texts are by one format; null where they do not fit it."""
    if text_format == ISO_FORMAT:
        return _iso_8601(text)
    if text_format in EPOCHS:
        seconds, fraction = read_epoch(text, EPOCHS[text_format])
        return pl.DataFrame({"seconds": seconds, "fraction": fraction, "naive": _all(text, value=False)})
    if text_format == CYYDDD:
        moment = moments(as_year_and_day(text), YEAR_AND_DAY)
    else:
        moment = moments(text, text_format)
    digits = (moment.dt.epoch("us") % 1_000_000).cast(pl.String).str.zfill(6)
    return pl.DataFrame(
        {
            "seconds": moment.dt.epoch("us") // 1_000_000,
            "fraction": trimmed(digits),
            "naive": moment.is_not_null() & (moment.dtype == pl.Datetime("us")),
        }
    )


def _all(like: pl.Series, *, value: bool) -> pl.Series:
    return pl.repeat(value, len(like), eager=True)
