"""Random numbers: the algorithm's own, equal everywhere."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from loader.synthetic.random_numbers import GAMMA, random_below, random_fraction, random_u64

MASK = 2**64 - 1


def splitmix64(state: int) -> int:
    """SplitMix64's output function, as it is published."""
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def column(expression: pl.Expr, index: list[int]) -> list[object]:
    """The values of an expression over an index."""
    frame = pl.DataFrame({"index": pl.Series(index, dtype=pl.UInt64)})
    return frame.select(expression.alias("value"))["value"].to_list()


@given(index=st.lists(st.integers(0, MASK), min_size=1, max_size=20), seed=st.integers())
def test_the_numbers_are_those_of_splitmix64(index, seed):
    """Whatever polars does with its own hashes, the numbers are those of the published algorithm."""
    (start,) = [number - GAMMA & MASK for number in [_start(seed)]]
    expected = [splitmix64((start + (number + 2) * GAMMA) & MASK) for number in index]
    assert column(random_u64(pl.col("index"), seed, "x"), index) == expected


def _start(seed: int) -> int:
    import hashlib

    return int.from_bytes(hashlib.sha256(f"{seed}:x".encode()).digest()[:8], "big")


def test_numbers_below_a_bound_are_spread_evenly():
    """Each of ten numbers comes a tenth of the time, and fractions fill the interval."""
    index = list(range(20_000))
    drawn = column(random_below(pl.col("index"), 1, "n", 10), index)
    assert all(1_800 < drawn.count(number) < 2_200 for number in range(10))
    fractions = column(random_fraction(pl.col("index"), 1, "n"), index)
    assert all(0.0 <= float(str(each)) < 1.0 for each in fractions)
    assert abs(sum(float(str(each)) for each in fractions) / len(fractions) - 0.5) < 0.01
