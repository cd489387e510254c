"""Exact points in time, and their text forms.

Rule kept here: fractions of a second are digits, never a float, so that they stay exact.
"""

from dataclasses import dataclass
from functools import cache

import polars as pl

from loader.row_issues import values_where

_DAY_SECONDS = 86_400

_MILLISECOND_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Instants:
    """Points in time, one per row.

    Attributes:
        seconds: Whole epoch seconds, rounded down; null without a value.
        fraction: The digits after the decimal point without trailing zeros; null without a fraction.
    """

    seconds: pl.Series
    fraction: pl.Series

    def iso_8601(self) -> pl.Series:
        """Return UTC texts such as 2024-01-31T23:59:59.5Z."""
        days = self.seconds // _DAY_SECONDS
        seconds_of_day = self.seconds - days * _DAY_SECONDS
        is_whole = self.fraction.null_count() == len(days)
        if is_whole and not seconds_of_day.max():  # a column of dates
            return _day_texts(days, "%Y-%m-%dT00:00:00Z")
        zulu = [pl.lit("Z")] if is_whole else [self._point(), pl.lit("Z")]
        clock = _clock_texts().gather(seconds_of_day)
        return self._select(pl.concat_str(_day_texts(days, "%Y-%m-%d"), clock, *zulu))

    @property
    def finer_than_milliseconds(self) -> pl.Series:
        """Which points in time have digits below a millisecond."""
        return (self.fraction.str.len_chars() > _MILLISECOND_DIGITS).fill_null(value=False)

    def epoch_milliseconds(self) -> pl.Series:
        """Return whole epoch milliseconds as texts, rounded down."""
        milliseconds = pl.col("fraction").str.head(3).str.pad_end(3, "0").cast(pl.Int64).fill_null(0)
        return self._select((pl.col("seconds") * 1000 + milliseconds).cast(pl.String))

    def epoch_seconds(self) -> pl.Series:
        """Return epoch seconds as decimal texts such as 1515531081.123."""
        texts = self._select(pl.concat_str(pl.col("seconds").cast(pl.String), self._point()))
        # Before 1970, whole seconds are rounded down, but the fraction counts forward from there.
        early = self._select((pl.col("seconds") < 0) & pl.col("fraction").is_not_null()).fill_null(
            value=False
        )
        if not early.any():
            return texts
        return pl.Series(
            [
                _decimal(seconds, fraction) if is_early else text
                for is_early, text, seconds, fraction in zip(
                    early, texts, self.seconds, self.fraction, strict=True
                )
            ],
            dtype=pl.String,
        )

    def _point(self) -> pl.Expr:
        return pl.concat_str(pl.lit("."), pl.col("fraction")).fill_null("")

    def _select(self, expression: pl.Expr) -> pl.Series:
        frame = pl.DataFrame({"seconds": self.seconds, "fraction": self.fraction})
        return frame.select(expression.alias("text")).to_series()


def _day_texts(days: pl.Series, text_format: str) -> pl.Series:
    """Return days since 1970 in a strftime format; with close days, each text is made once."""
    first, last = days.min(), days.max()
    if not isinstance(first, int) or not isinstance(last, int) or last - first > len(days):
        return days.cast(pl.Int32).cast(pl.Date).dt.strftime(text_format)
    texts = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date).dt.strftime(text_format)
    return texts.gather(days - first)


@cache
def _clock_texts() -> pl.Series:
    """Return texts such as T23:59:59 for each second of a day."""
    ticks = pl.int_range(_DAY_SECONDS, dtype=pl.Int64, eager=True) * 10**9
    return ticks.cast(pl.Time).dt.strftime("T%H:%M:%S")


def _decimal(seconds: int, fraction: str) -> str:
    scale = 10 ** len(fraction)
    below_zero = -(seconds * scale + int(fraction))
    return f"-{below_zero // scale}.{below_zero % scale:0{len(fraction)}d}"


def no_fraction(rows: int) -> pl.Series:
    """Return fractions for points in time that have none."""
    return pl.Series([None], dtype=pl.String).new_from_index(0, rows)


def trimmed(digits: pl.Series) -> pl.Series:
    """Return fractions without trailing zeros; null where no digit is left."""
    trimmed_digits = digits.str.strip_chars_end("0")
    return values_where(trimmed_digits, trimmed_digits != "")
