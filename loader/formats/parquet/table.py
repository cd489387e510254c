"""The rows of a Parquet file in slices; unneeded slices are skipped."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from loader.formats.cuts import SLICE_BYTES, FileCut
from loader.formats.parquet.source import KeptValues, ParquetSource, read_together
from loader.formats.rows import Rows
from loader.formats.table_parts import refuse_deletes, table_notes
from loader.formats.windows import SIZING_ROWS, Piece, Table, mean_row_bytes
from loader.model import SourceFile
from loader.sources.files import check_unchanged, is_unchanged
from loader.sources.s3.objects import S3File

WHOLE_SAMPLE_BYTES = 2**20
"""Unpacked size up to which a file of few rows is read once for all places to sample."""

FEW_ROWS, SIZING_BYTES = 8, 4 * 2**20
"""Target bytes of the rows to sample. The size of a few rows determines their number."""

_SAMPLES = 3
"""Places to sample: first, middle and last rows. Each further place costs the row group around it."""


class ParquetTable:
    """An open Parquet file.

    Args:
        file: The file.

    Raises:
        ExtractError: The file is not a complete Parquet file, or lists deleted rows of a table.
    """

    def __init__(self, file: SourceFile) -> None:
        remote = file.object if isinstance(file, S3File) else None
        self.source = ParquetSource(file.path, file.size_bytes, remote)
        refuse_deletes(file.path, self.source.footer.keys)
        self.file = replace(file, rows=self.source.rows)

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types."""
        return self.source.schema

    @property
    def words(self) -> str:
        """The format in words."""
        return "Parquet"

    @property
    def advice(self) -> Sequence[str]:
        """Notes for the user: a file that was written as a part of a table."""
        return table_notes(self.file.path, self.source.footer.keys, self.schema.keys())

    def has_rows(self) -> bool:
        """Return whether the file has a row."""
        return self.source.rows > 0

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, at the place where they are largest."""
        of_rows = self._sampled(columns)
        few = min(FEW_ROWS, self.source.rows)
        fitting = SIZING_BYTES // mean_row_bytes(of_rows(0, few))
        rows = min(SIZING_ROWS, self.source.rows, max(few, fitting))
        last = self.source.rows - rows
        places = sorted({last * sample // (_SAMPLES - 1) for sample in range(_SAMPLES)})
        return max(mean_row_bytes(of_rows(place, rows)) for place in places)

    def _sampled(self, columns: Sequence[str]) -> Callable[[int, int], pl.DataFrame]:
        """Return a function that returns rows from a place on. A small file is read once for all places."""
        if self.source.rows <= _SAMPLES * SIZING_ROWS and self.source.unpacked_bytes <= WHOLE_SAMPLE_BYTES:
            return self.source.read(columns, 0, self.source.rows).frame.slice
        kept = KeptValues()
        return lambda place, rows: self.source.read(columns, place, rows, kept).frame

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        rows = self.source.rows
        if not rows and cut.is_wanted(0):
            empty = pl.DataFrame(schema=dict.fromkeys(cut.columns, pl.String))
            yield Piece(self.file.number, 0, empty, last_of_file=True)
        kept = KeptValues()
        for slices in _reads(cut, rows):
            yield from self._read(cut, slices, kept)
        return rows

    def read_whole(self, others: Sequence[Table], columns: Sequence[str]) -> Sequence[Rows | None]:
        """Read all rows of this small file and of others with the same columns at once."""
        alike = [table for table in (self, *others) if isinstance(table, ParquetTable) and self._fits(table)]
        read = read_together([table.source for table in alike], columns) if alike else None
        if read is None:
            return [None] * (1 + len(others))
        found = {id(table): rows for table, rows in zip(alike, read, strict=True) if is_unchanged(table.file)}
        return [found.get(id(table)) for table in (self, *others)]

    def _fits(self, other: "ParquetTable") -> bool:
        return other.has_rows() and self.source.has_layout_of(other.source)

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (ascending) as stored, with all readable columns, to a file.

        Raises:
            ExtractError: The file cannot be read.
            OSError: The new file cannot be written.
        """
        # Rows are read in portions of about SLICE_BYTES, even if few of them are wanted.
        slice_rows = max(1, SLICE_BYTES * max(1, self.source.rows) // max(1, self.file.size_bytes * 4))
        self.source.copy_rows(rows, slice_rows, path)

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """No settings: Parquet has no dialects."""
        return {}

    def _read(self, cut: FileCut, slices: Sequence[tuple[int, int]], kept: KeptValues) -> Iterator[Piece]:
        first_row, end_row = slices[0][0], slices[-1][1]
        read = self.source.read(cut.columns, first_row, end_row - first_row, kept)
        check_unchanged(self.file)
        parts = deque(self._piece(start, read.part(start - first_row, end - start)) for start, end in slices)
        # Otherwise the rows of a piece would stay in memory while they are converted.
        del read
        while parts:
            yield parts.popleft()

    def _piece(self, first_row: int, rows: Rows) -> Piece:
        is_last = first_row + rows.frame.height == self.source.rows
        return Piece(self.file.number, first_row, rows.frame, last_of_file=is_last, bad=rows.bad)


def _reads(cut: FileCut, rows: int) -> Iterator[list[tuple[int, int]]]:
    """Yield first and last row (exclusive) of the wanted slices, grouped by read."""
    together: list[tuple[int, int]] = []
    start = 0
    while start < rows:
        end = min(rows, cut.slice_end(start))
        is_wanted = cut.is_wanted(start)
        if together and (not is_wanted or end - together[0][0] > cut.cuts.read_rows):
            yield together
            together = []
        if is_wanted:
            together.append((start, end))
        start = end
    if together:
        yield together
