"""Generated rows of a dataset: unique keys, skewed groups, plausible values. They depend on the seed only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from loader.datasets import NEVER_SEND, Column, Dataset
from loader.synthetic.random_numbers import random_below, random_fraction

BATCH_ROWS = 50_000
"""Rows of one frame: about 40 MB with the widest dataset of 81 columns."""

IDENTIFIERS = 1_000
"""Number of different values in a column that ends in ``_id``, unless it is part of the key."""

FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - written with a Z
SECONDS = 2 * 366 * 86_400
"""First day of the timestamps; they cover two years."""

CENTS = 1_000_000
"""Numbers are from 0.00 to 9,999.99."""

INTEGERS = 1_000


@dataclass(frozen=True, slots=True)
class RowSettings:
    """The properties of the rows.

    Attributes:
        rows: Number of rows.
        groups: Number of groups.
        skew: Exponent of the group sizes: with 0 all are equal, with 1 group n has a share of 1/n (Zipf).
        seed: Different seeds give different rows.
    """

    rows: int
    groups: int = 100
    skew: float = 0.0
    seed: int = 0


def group_column(dataset: Dataset) -> str:
    """Return the column that holds the group: an identifier, part of the key if possible.

    Without a second identifier in the dataset, each row is a group of its own.
    """
    unique = _unique_column(dataset)
    in_key = [name for name in dataset.primary_key if name != unique]
    others = [column.name for column in _columns(dataset) if column.name != unique]
    identifiers = [name for name in (*in_key, *others) if name.endswith("_id")]
    return next(iter((*identifiers, *in_key)), unique)


def synthetic_rows(dataset: Dataset, settings: RowSettings) -> Iterator[pl.DataFrame]:
    """Yield the rows, as frames of text columns, in the order of their numbers.

    Args:
        dataset: The dataset of the rows. Columns that the service fills in are left out.
        settings: Number and properties of the rows.
    """
    group = group_column(dataset)
    bounds = _group_bounds(settings)
    for first in range(0, settings.rows, BATCH_ROWS):
        numbers = range(first, min(first + BATCH_ROWS, settings.rows))
        index = pl.Series("index", numbers, dtype=pl.UInt64)
        groups = _groups(index, settings, bounds)
        frame = pl.DataFrame([index, groups])
        yield frame.select(
            _values(column, dataset, group, settings.seed).alias(column.name) for column in _columns(dataset)
        )


def _unique_column(dataset: Dataset) -> str:
    """Return the key column that differs from row to row."""
    return "id" if "id" in dataset.primary_key else dataset.primary_key[-1]


def _columns(dataset: Dataset) -> list[Column]:
    return [column for column in dataset.columns if column.name not in NEVER_SEND]


def _group_bounds(settings: RowSettings) -> pl.Series:
    """Return the upper bound of each group in the interval from 0 to 1."""
    weights = [1.0 / number**settings.skew for number in range(1, settings.groups + 1)]
    shares = pl.Series("bound", weights, dtype=pl.Float64) / sum(weights)
    bounds: pl.Series = shares.cum_sum()
    return bounds


def _groups(index: pl.Series, settings: RowSettings, bounds: pl.Series) -> pl.Series:
    drawn = pl.select(random_fraction(pl.lit(index), settings.seed, "group")).to_series()
    found = bounds.search_sorted(drawn, side="right").cast(pl.UInt64)
    last = settings.groups - 1  # the last bound may be a little below 1
    return pl.select(pl.min_horizontal(found, pl.lit(last, pl.UInt64))).to_series().alias("group")


def _values(column: Column, dataset: Dataset, group: str, seed: int) -> pl.Expr:
    name = column.name
    if name == _unique_column(dataset):
        return _text(column, pl.col("index"), digits=9)
    if name == group:
        return _text(column, pl.col("group"), digits=6)
    bound = {"timestamp": SECONDS, "double": CENTS, "int": INTEGERS}.get(column.type, IDENTIFIERS)
    return _text(column, random_below(pl.col("index"), seed, name, bound), digits=6)


def _text(column: Column, number: pl.Expr, digits: int) -> pl.Expr:
    """Return a value of the column's type for each number; different numbers give different values."""
    match column.type:
        case "timestamp":
            time = pl.lit(FIRST_DAY) + pl.duration(seconds=number.cast(pl.Int64))
            return time.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "double":
            return (number // 100).cast(pl.String) + "." + _number(number % 100, 2)
        case "int":
            return number.cast(pl.String)
        case _:
            return _number(number, digits, prefix=_prefix(column.name))


def _number(number: pl.Expr, digits: int, *, prefix: str = "") -> pl.Expr:
    return pl.lit(prefix) + number.cast(pl.String).str.zfill(digits)


def _prefix(name: str) -> str:
    """Return a prefix for the values of one column: its initials."""
    return "".join(word[0] for word in name.split("_") if word).upper() + "-"
