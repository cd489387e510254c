"""The rows of several slices, joined to be converted together, and their records, separated again.

While they are joined, a number of the slice is part of the position of each row and of its file.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import accumulate

import polars as pl

from loader.model import RejectedRow
from loader.records.row_batch import FILE, PLACE, RowsOfPieces

SLICE = 2**32
"""Distance of the positions of two slices: no window has so many rows, and no extract so many files."""


@dataclass(frozen=True, slots=True)
class ReadRows:
    """The result of converting some rows.

    Attributes:
        frame: The records, with the columns of `SliceRecords.frame`.
        rejected: The rows that could not become records, in the order of the extract.
        filtered: Number of rows that the filter or the format left out, by file.
        unknown: Number of those for which the filter had no result, by file.
        elsewhere: Rows that other shards deliver, by file.
    """

    frame: pl.DataFrame = field(repr=False)
    rejected: Sequence[RejectedRow] = field(repr=False)
    filtered: Mapping[int, int] = field(repr=False)
    unknown: Mapping[int, int] = field(repr=False)
    elsewhere: Mapping[int, int] = field(repr=False)


def columns_of(slices: Sequence[RowsOfPieces], names: Collection[str]) -> RowsOfPieces:
    """Return some columns of the rows of all slices, without faults.

    The position of a row is its number among them, because slices of two windows have the same positions.

    Args:
        slices: The rows, with columns of the same types.
        names: The columns; at least one column stays.
    """
    rows = copy(slices[0])
    wanted = names or rows.frame.columns[:1]
    rows.frame = pl.concat([each.frame.select(wanted) for each in slices], rechunk=True)
    places = pl.concat([each.places for each in slices])
    rows.places = places.with_columns(pl.int_range(pl.len()).alias(PLACE))
    rows.bad = []
    return rows


def joined(slices: Sequence[RowsOfPieces]) -> RowsOfPieces:
    """Return the rows of all slices, which have columns of the same types."""
    rows = copy(slices[0])
    rows.frame = pl.concat([each.frame for each in slices])
    rows.places = pl.concat(
        each.places.with_columns(pl.col(PLACE) + number * SLICE, pl.col(FILE).cast(pl.Int64) + number * SLICE)
        for number, each in enumerate(slices)
    )
    starts = accumulate((each.frame.height for each in slices), initial=0)
    rows.bad = [
        replace(bad, index=start + bad.index)
        for each, start in zip(slices, starts, strict=False)
        for bad in each.bad
    ]
    return rows


def separated(read: ReadRows, elsewhere: Sequence[Mapping[int, int]]) -> Sequence[ReadRows]:
    """Return the result of each slice.

    Args:
        read: The result of the joined rows.
        elsewhere: Rows of each slice that other shards deliver, by file.
    """
    numbers = range(len(elsewhere))
    frames = [pl.DataFrame()] * len(elsewhere)
    if read.frame.height:
        of_slices = (read.frame["file"] // SLICE).value_counts()
        counts: dict[int, int] = dict(of_slices.iter_rows())
        starts = accumulate((counts.get(number, 0) for number in numbers), initial=0)
        frames = [
            _as_alone(read.frame.slice(start, counts.get(number, 0)), number)
            for number, start in zip(numbers, starts, strict=False)
        ]
    rejected: list[list[RejectedRow]] = [[] for _ in numbers]
    for row in read.rejected:
        number, file = divmod(row.file, SLICE)
        rejected[number].append(replace(row, file=file))
    return [
        ReadRows(
            frames[number],
            rejected[number],
            _of_slice(read.filtered, number),
            _of_slice(read.unknown, number),
            elsewhere[number],
        )
        for number in numbers
    ]


def _as_alone(frame: pl.DataFrame, number: int) -> pl.DataFrame:
    return frame.with_columns(
        pl.col("place") - number * SLICE, (pl.col("file") - number * SLICE).cast(pl.UInt32)
    )


def _of_slice(counts: Mapping[int, int], number: int) -> dict[int, int]:
    return {file % SLICE: count for file, count in counts.items() if file // SLICE == number}
