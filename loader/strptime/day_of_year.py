"""Dates of JD Edwards, CYYDDD: the centuries since 1900, the year in the century, and the day of the year.

Source: Oracle's JD Edwards World guide (E21952), appendix "Dates": 098185 is July 4, 1998.
"""

import polars as pl

CYYDDD = "cyyddd"
"""Name of the format."""

_DATE = r"^0?[0-9]{5}$|^1[0-9]{5}$"
"""Years 1900 to 2099. A number has lost the zero in front of a date before 2000."""

YEAR_AND_DAY = "%Y%j"
"""The format in which ``as_year_and_day`` writes a date."""


def as_year_and_day(texts: pl.Series) -> pl.Series:
    """Return CYYDDD texts with the whole year in front of the day, and null for other texts."""
    digits = pl.lit(texts).str.zfill(6)
    century = digits.str.slice(0, 1).replace_strict({"0": "19", "1": "20"}, default=None)
    return pl.select(
        pl.when(pl.lit(texts).str.contains(_DATE)).then(pl.concat_str(century, digits.str.slice(1)))
    ).to_series()
