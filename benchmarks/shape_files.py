"""Extracts of different shapes: many files, versions of keys, skewed groups, short and long records."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

TEXT = "a description of the goods, as long as such texts are, and then a few words more"

DAYS, RETAIL_ROWS = 305, 541_909
"""Of a retailer's published extract, a CSV file a day; the rows here are made up."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An extract.

    Attributes:
        name: What the table calls it.
        rows: Its rows.
        write: Writes it into a folder.
        versions: How many records have the same primary key, at most.
        group_by: Columns of the groups, or none for the primary key.
    """

    name: str
    rows: int
    write: Callable[[Path, int], None]
    versions: int = 1
    group_by: tuple[str, ...] = ()


def frame(numbers: pl.Series, text: str = TEXT) -> pl.DataFrame:
    """Return records whose primary key is made of a number."""
    key = numbers.cast(pl.String)
    return pl.DataFrame({"number": numbers, "reservation_id": "R" + key}).select(
        "reservation_id",
        ("D" + pl.col("number").cast(pl.String)).alias("reservation_detail_id"),
        ("P" + (pl.col("number") % 9_973).cast(pl.String)).alias("product_id"),
        pl.lit(text).alias("source_event_id") if text else pl.lit(None, pl.String).alias("source_event_id"),
    )


def in_files(files: int, suffix: str) -> Callable[[Path, int], None]:
    """Return what writes an extract in files of the same size."""

    def write(folder: Path, rows: int) -> None:
        every = frame(pl.int_range(rows, eager=True))
        for number in range(files):
            start, end = rows * number // files, rows * (number + 1) // files
            part = every.slice(start, end - start)
            path = folder / f"part-{number}.{suffix}"
            if suffix == "csv":
                part.write_csv(path)
            else:
                part.write_parquet(path)

    return write


def versions(folder: Path, rows: int, *, mixed: bool) -> None:
    """Write five versions of each key."""
    numbers = pl.int_range(rows, eager=True) // 5
    frame(numbers.shuffle(seed=1) if mixed else numbers).write_parquet(folder / "x.parquet")


def skewed(folder: Path, rows: int) -> None:
    """Write groups of which few have most of the rows."""
    chance = random.Random(1)
    groups = pl.Series([f"R{int(chance.paretovariate(0.7)) % 50_000}" for _ in range(rows)])
    every = frame(pl.int_range(rows, eager=True))
    every.with_columns(groups.alias("reservation_id")).write_parquet(folder / "x.parquet")


def one_large_group(folder: Path, rows: int) -> None:
    """Write one group of nearly all rows, and small ones beside it."""
    numbers = pl.int_range(rows, eager=True)
    group = pl.when(pl.col("n") % 100 == 0).then("R" + pl.col("n").cast(pl.String)).otherwise(pl.lit("R"))
    groups = pl.DataFrame({"n": numbers}).select(group.alias("reservation_id"))["reservation_id"]
    frame(numbers).with_columns(groups).write_parquet(folder / "x.parquet")


def of_size(chars: int) -> Callable[[Path, int], None]:
    """Return what writes records with a text of so many characters."""

    def write(folder: Path, rows: int) -> None:
        frame(pl.int_range(rows, eager=True), "x" * chars).write_parquet(folder / "x.parquet")

    return write


def of_mixed_sizes(folder: Path, rows: int) -> None:
    """Write records from a hundred bytes to 900 KiB, the long ones rare."""
    chance = random.Random(1)
    texts = ["x" * min(900_000, int(40 * chance.paretovariate(0.8))) for _ in range(rows)]
    every = frame(pl.int_range(rows, eager=True))
    every.with_columns(pl.Series("source_event_id", texts)).write_parquet(folder / "x.parquet")


def retail(folder: Path, rows: int) -> None:
    """Write a CSV file a day, of different lengths."""
    chance = random.Random(7)
    shares = [chance.randrange(500, 3_000) for _ in range(DAYS)]
    every = frame(pl.int_range(rows, eager=True), TEXT * 2)
    start, done = 0, 0
    for day, share in enumerate(shares):
        done += share
        end = rows * done // sum(shares)
        every.slice(start, end - start).write_csv(folder / f"day-{day + 1}.csv")
        start = end


SHAPES = (
    Shape("one Parquet file", 200_000, in_files(1, "parquet")),
    Shape("400 Parquet files", 200_000, in_files(400, "parquet")),
    Shape("5,000 Parquet files", 200_000, in_files(5_000, "parquet")),
    Shape("one CSV file", 200_000, in_files(1, "csv")),
    Shape("400 CSV files", 200_000, in_files(400, "csv")),
    Shape("5,000 CSV files", 200_000, in_files(5_000, "csv")),
    Shape("305 daily CSV files, as a retailer's", RETAIL_ROWS, retail),
    Shape("five versions of each key, mixed", 200_000, lambda at, rows: versions(at, rows, mixed=True), 5),
    Shape("five versions of each key, sorted", 200_000, lambda at, rows: versions(at, rows, mixed=False), 5),
    Shape("skewed groups", 200_000, skewed, group_by=("reservation_id",)),
    Shape("a group of a million rows", 1_000_000, one_large_group, group_by=("reservation_id",)),
    Shape("short records", 1_000_000, of_size(0)),
    Shape("records of 300 KiB", 400, of_size(300 * 1024)),
    Shape("records of 900 KiB", 200, of_size(900 * 1024)),
    Shape("records from 100 bytes to 900 KiB", 100_000, of_mixed_sizes),
)
