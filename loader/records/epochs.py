"""Numbers of seconds, milliseconds or microseconds since 1970 as timestamp formats."""

import polars as pl

from loader.records.instants import trimmed

EPOCHS = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6}
"""Names of the formats, each with the digits behind the point of a second."""

_NUMBER = r"^(-?[0-9]{1,18})(?:\.([0-9]{1,9}))?$"
"""A whole number, or one with a fraction; numbers below 0 must be whole."""


def read_epoch(text: pl.Series, digits: int) -> tuple[pl.Series, pl.Series]:
    """Return whole epoch seconds and the digits of the fraction; null where a text is no such number.

    Args:
        text: The texts.
        digits: Digits behind the point of a second that the numbers count.
    """
    ticks = text.str.extract(_NUMBER, 1).cast(pl.Int64, strict=False)
    rest = text.str.extract(_NUMBER, 2)
    early = text.str.starts_with("-") & (rest.str.strip_chars("0") != "").fill_null(value=False)
    good = ticks.is_not_null() & ~early
    ticks = pl.select(pl.when(good).then(ticks)).to_series()
    seconds = ticks // 10**digits
    within = (ticks % 10**digits).cast(pl.String).str.zfill(digits) if digits else pl.lit("")
    fraction = pl.select(
        pl.when(pl.lit(seconds).is_not_null()).then(pl.concat_str(within, pl.lit(rest).fill_null("")))
    ).to_series()
    return seconds, trimmed(fraction)
