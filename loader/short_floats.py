"""Floats of 16 and 32 bits as the shortest numbers that read back as them: 0.1, not 0.10000000149011612."""

import struct
from functools import cache
from math import isfinite

import polars as pl

MOST_FLOAT16 = 65504.0


def short_doubles(source: pl.Series) -> pl.Series:
    """Return floats of any width as 64-bit floats with the value of their shortest text."""
    if source.dtype == pl.Float64:
        return source
    single = short_halves(source) if source.dtype == pl.Float16 else source
    return single.cast(pl.String).cast(pl.Float64)


def short_halves(source: pl.Series) -> pl.Series:
    """Return 32-bit floats that print as the shortest texts of 16-bit floats; polars prints 32-bit ones."""
    short = source.cast(pl.Float64).replace_strict(_short_numbers(), default=None, return_dtype=pl.Float32)
    # 0.0 and -0.0 are the same key of a mapping, but have different texts.
    whole = source.cast(pl.Float32)
    return short.zip_with((whole != 0.0).fill_null(value=True), whole)


@cache
def _short_numbers() -> dict[float, float]:
    """Return, for each finite 16-bit float except zero, the shortest number that reads back as it."""
    values = [struct.unpack("<e", bits.to_bytes(2, "little"))[0] for bits in range(2**16)]
    return {value: _shortest(value) for value in values if value and isfinite(value)}


def _shortest(value: float) -> float:
    bits = struct.pack("<e", value)
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 6))
    return next(each for each in shorter if abs(each) <= MOST_FLOAT16 and struct.pack("<e", each) == bits)
