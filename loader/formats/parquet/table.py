"""The windows of a Parquet file: slices of it, skipped where nobody wants them."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.parquet.source import ParquetSource
from loader.formats.windows import SIZING_ROWS, SLICE_BYTES, Window, WindowShape, mean_row_bytes
from loader.model import SourceFile
from loader.sources.files import check_unchanged
from loader.sources.s3_objects import S3File

SAMPLES = 3
"""First, middle and last rows: every further place costs the row group around it."""


class ParquetTable:
    """A Parquet file, opened.

    Args:
        file: The file.

    Raises:
        ExtractError: It is not a whole Parquet file.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        remote = file.object if isinstance(file, S3File) else None
        self._source = ParquetSource(file.path, file.size_bytes, remote)

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types."""
        return self._source.schema

    @property
    def words(self) -> str:
        """How it is written, in words."""
        return "Parquet"

    @property
    def advice(self) -> Sequence[str]:
        """Nothing: a Parquet file says itself how it is written."""
        return ()

    def has_rows(self) -> bool:
        """Return whether there is any row."""
        return self._source.rows > 0

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return about how long records of these columns are, where they are longest."""
        rows = min(SIZING_ROWS, self._source.rows)
        last = self._source.rows - rows
        places = {last * sample // (SAMPLES - 1) for sample in range(SAMPLES)}
        return max(mean_row_bytes(self._source.read(columns, place, rows).frame) for place in places)

    def windows(
        self, cut: WindowShape, first_number: int, wanted: Callable[[int], bool]
    ) -> Generator[Window, None, int]:
        """Read the wanted windows; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        rows = self._source.rows
        for first_row, end_row in _slices(cut, rows, lambda index: wanted(first_number + index)):
            yield from self._cut_slice(cut, first_number, first_row, end_row)
        return rows

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (ascending) as they are stored, with all columns that can be read, to a file.

        Raises:
            ExtractError: The file cannot be read.
            OSError: The new one cannot be written.
        """
        # As many rows at a time as come to about SLICE_BYTES, however few of them are wanted.
        slice_rows = max(1, SLICE_BYTES * max(1, self._source.rows) // max(1, self.file.size_bytes * 4))
        self._source.copy_rows(rows, slice_rows, path)

    @property
    def settings_found(self) -> Mapping[str, str]:
        """Nothing: Parquet tells itself how it is written."""
        return {}

    def _cut_slice(
        self, cut: WindowShape, first_number: int, first_row: int, end_row: int
    ) -> Iterator[Window]:
        read = self._source.read(cut.columns, first_row, end_row - first_row)
        check_unchanged(self.file)
        for row in range(first_row, end_row, cut.window_rows):
            yield Window(
                number=first_number + row // cut.window_rows,
                file=self.file.number,
                first_row=row,
                frame=read.frame.slice(row - first_row, cut.window_rows),
                last_of_file=row + cut.window_rows >= self._source.rows,
                bad=_bad_between(read.bad, row - first_row, cut.window_rows),
            )


def _bad_between(bad: Sequence[BadRecord], start: int, rows: int) -> Sequence[BadRecord]:
    """Return the bad rows of a slice that lie in a window of it, counted from the window's first."""
    return [replace(each, index=each.index - start) for each in bad if start <= each.index < start + rows]


def _slices(cut: WindowShape, rows: int, wanted: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
    """Return first and last row (exclusive) of each run of wanted windows, none above slice_rows."""
    start: int | None = None
    for index in range(-(-rows // cut.window_rows)):
        row = index * cut.window_rows
        if start is not None and (row - start >= cut.slice_rows or not wanted(index)):
            yield start, row
            start = None
        if start is None and wanted(index):
            start = row
    if start is not None:
        yield start, rows
