"""Random numbers as polars expressions. A seed gives the same numbers with every machine and version.

The hashes and samples of polars may change between its versions. SplitMix64 (Steele, Lea, Flood 2014) needs
only wrapping multiplication and exclusive or, so a whole column costs as much as a few additions.
"""

import hashlib

import polars as pl

GAMMA = 0x9E3779B97F4A7C15
"""The odd constant of SplitMix64: 2**64 divided by the golden ratio."""

MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)

FRACTION_BITS = 53
"""Bits of a float64's fraction: numbers of that many bits are floats without rounding."""


def random_u64(index: pl.Expr, seed: int, stream: str) -> pl.Expr:
    """Return 64 random bits for each index.

    Args:
        index: Numbers of type UInt64.
        seed: Any integer.
        stream: Name of the purpose. Different names give independent numbers.
    """
    start = int.from_bytes(hashlib.sha256(f"{seed}:{stream}".encode()).digest()[:8], "big")
    mixed = (index + pl.lit(1, pl.UInt64)) * pl.lit(GAMMA, pl.UInt64) + pl.lit(start, pl.UInt64)
    for shift, multiplier in zip(SHIFTS, (*MULTIPLIERS, None), strict=True):
        mixed = mixed ^ (mixed // pl.lit(2**shift, pl.UInt64))
        if multiplier is not None:
            mixed = mixed * pl.lit(multiplier, pl.UInt64)
    return mixed


def random_below(index: pl.Expr, seed: int, stream: str, bound: int) -> pl.Expr:
    """Return a random integer from 0 to ``bound - 1`` for each index. The bias is below bound / 2**64."""
    return random_u64(index, seed, stream) % pl.lit(bound, pl.UInt64)


def random_fraction(index: pl.Expr, seed: int, stream: str) -> pl.Expr:
    """Return a random float from 0 (included) to 1 (excluded) for each index."""
    bits = random_u64(index, seed, stream) // pl.lit(2 ** (64 - FRACTION_BITS), pl.UInt64)
    return bits.cast(pl.Float64) / float(2**FRACTION_BITS)
