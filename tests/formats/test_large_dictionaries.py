"""A large dictionary of a Parquet column is unpacked twice for each row group, not once for each slice."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from loader.extract.find_files import find_files
from loader.formats.parquet.columns import Column
from loader.formats.parquet.footer import RowGroup
from loader.formats.parquet.source import LARGE_DICTIONARY_BYTES, KeptValues, ParquetSource
from loader.formats.parquet.table import ParquetTable
from tests.formats.slices import slices_of

ROWS, GROUP_ROWS, SLICE_ROWS = 600, 300, 37

TEXTS = 100
"""Different texts of a row group: few enough for a dictionary."""

LARGE, SMALL = LARGE_DICTIONARY_BYTES * 11 // 10 // TEXTS, LARGE_DICTIONARY_BYTES // TEXTS - 10
"""Length of a text in a large dictionary, and in a small one."""

COLUMNS = ("id", "text", "number")


class CountedSource(ParquetSource):
    """A file that counts how often the dictionary of its texts is unpacked."""

    unpacked = 0

    def _read_raw(
        self, columns: Sequence[Column], groups: Sequence[RowGroup], first_row: int, rows: int
    ) -> pl.DataFrame:
        self.unpacked += len(groups) * sum(column.node.name == "text" for column in columns)
        return super()._read_raw(columns, groups, first_row, rows)


def table_of(path: Path, chars: int) -> tuple[ParquetTable, CountedSource, pl.DataFrame]:
    """Write a file with a dictionary of texts of this length, and open it."""
    row = pl.int_range(ROWS)
    text = pl.concat_str((row * 7 % TEXTS).cast(pl.String), pl.lit("x" * chars))
    frame = pl.select(
        row.cast(pl.String).alias("id"), text.alias("text"), (row % 50).alias("number")
    ).with_columns(pl.when(pl.col("number") != 3).then("text"))
    frame.write_parquet(path, row_group_size=GROUP_ROWS)
    (file,) = find_files([str(path)])
    table = ParquetTable(file)
    table.source = source = CountedSource(file.path, file.size_bytes)
    return table, source, frame


@pytest.mark.parametrize("chars", [LARGE, SMALL])
def test_the_dictionary_is_unpacked_once_more(tmp_path: Path, chars: int) -> None:
    """Slices have the same rows for any dictionary; only a large one is not unpacked for each of them."""
    table, source, frame = table_of(tmp_path / "x.parquet", chars)
    slices = list(slices_of([table], COLUMNS, ROWS, slice_rows=SLICE_ROWS))
    assert pl.concat([piece.frame for each in slices for piece in each.pieces]).equals(frame)
    groups = ROWS // GROUP_ROWS
    reads = len(slices) + groups - 1  # one slice has rows of two row groups
    # The slice with rows of both groups keeps the values of both.
    assert source.unpacked == (2 * groups - 1 if chars == LARGE else reads)


def test_the_values_of_a_passed_row_group_are_dropped(tmp_path: Path) -> None:
    table, source, frame = table_of(tmp_path / "x.parquet", LARGE)
    source.read(COLUMNS, 0, 1)
    source.read(COLUMNS, GROUP_ROWS, 1)
    kept = KeptValues()
    for start in range(0, ROWS, SLICE_ROWS):
        end = min(start + SLICE_ROWS, ROWS)
        assert source.read(COLUMNS, start, end - start, kept).frame.equals(frame[start:end])
        assert len(kept.values) == (end < ROWS)
    assert table.source is source


def test_sizes_and_copies_of_rows_unpack_it_twice(tmp_path: Path) -> None:
    """A sample of the rows, and a copy of some, go through the file too."""
    table, source, frame = table_of(tmp_path / "x.parquet", LARGE)
    table.row_bytes(COLUMNS)
    assert source.unpacked == 1 + ROWS // GROUP_ROWS
    source.unpacked = 0
    source.copy_rows(iter(range(0, ROWS, 3)), 10, tmp_path / "copy.parquet")
    assert source.unpacked == ROWS // GROUP_ROWS
    assert pl.read_parquet(tmp_path / "copy.parquet").equals(frame[::3])
