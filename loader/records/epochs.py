"""Timestamp formats that count seconds, milliseconds or microseconds since 1970."""

import polars as pl

from loader.records.instants import trimmed

EPOCHS = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6}
"""Names of the formats. The value is the number of decimal places in a second."""

_NUMBER = r"^(-?[0-9]{1,18})(?:\.([0-9]{1,9}))?$"
"""A whole number or one with a fraction; a negative number must be whole."""


def read_epoch(text: pl.Series, digits: int) -> tuple[pl.Series, pl.Series]:
    """Return whole epoch seconds and the digits of the fraction; null where a text is not such a number.

    Args:
        text: The texts.
        digits: Decimal places of a second in the unit of the numbers.
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
