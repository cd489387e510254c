"""Texts of a format to moments."""

import polars as pl

from loader.row_issues import values_where
from loader.strptime.directives import pattern_of

CENTURY_SECONDS = 36_525 * 86_400
"""From 1969 to 2069. Neither is a leap year, so the difference is the same for each of their days."""


def moments(text: pl.Series, text_format: str) -> pl.Series:
    """Return the moments of texts: Datetime in microseconds, UTC if the format has an offset.

    Args:
        text: Texts; null where there is no value.
        text_format: A format that `format_fault` accepts.
    """
    fitting = values_where(text, text.str.contains(pattern_of(text_format)))
    read = fitting.str.to_datetime(_as_polars_writes(text_format), strict=False, time_unit="us")
    if "%y" not in text_format:
        return read
    # Polars reads 69 as 2069; Python, POSIX and DuckDB read it as 1969.
    is_69 = (fitting.str.extract(pattern_of(text_format), 1) == "69").fill_null(value=False)
    return pl.select(
        pl.when(is_69).then(pl.lit(read) - pl.duration(seconds=CENTURY_SECONDS)).otherwise(read)
    ).to_series()


def _as_polars_writes(text_format: str) -> str:
    """Return a Python format in polars' notation: its %f counts nanoseconds, its %z does not accept Z."""
    return text_format.replace(".%f", "%.f").replace("%z", "%#z")
