"""A sample of an extract's groups before it is read: some rows of its first, middle and last file."""

from collections.abc import Callable, Sequence
from typing import Protocol

import polars as pl

from loader.extract.bucket_choice import GroupSample
from loader.formats.windows import Piece, Table, first_rows
from loader.mapping.mapping import FileMapping
from loader.model import SourceFile
from loader.records.row_reader import RowReader
from loader.sources.compression import without_suffix

SAMPLED_ROWS = range(10, 2_001)
SAMPLED_BYTES = 4 * 2**20
"""Number of rows sampled from a file, and approximate bytes of them."""

UNPACKED = 6
"""Assumed compression ratio of text."""


class Sampled(Protocol):
    """A file that was examined."""

    @property
    def file(self) -> SourceFile:
        """The file."""

    @property
    def open(self) -> Callable[[], Table]:
        """A function that opens it."""

    @property
    def mapping(self) -> FileMapping:
        """The mapping of its columns."""

    @property
    def reader(self) -> RowReader:
        """Converts its rows."""


def sample_groups(files: Sequence[SourceFile], look: Callable[[SourceFile], Sampled]) -> GroupSample:
    """Return a sample of the groups of an extract.

    Args:
        files: Its files.
        look: Examines a file.
    """
    groups: list[str] = []
    record_bytes, text_bytes = 0, 0.0
    for number in sorted({0, len(files) // 2, len(files) - 1}):
        sampled = look(files[number])
        table, columns = sampled.open(), sampled.mapping.source_columns
        fitting = SAMPLED_BYTES // table.row_bytes(columns)
        rows = first_rows(table, columns, max(SAMPLED_ROWS[0], min(SAMPLED_ROWS[-1], fitting)))
        if rows is None:
            continue
        (read,) = sampled.reader.read([([Piece(number, 0, rows, last_of_file=False)], [0])])
        records = read.frame
        groups += records["group"].to_list()
        record_bytes += int(records["size"].sum() or 0)
        text_bytes += _size_of(sampled.file, rows)
    size_bytes = sum(_unpacked_bytes(file) for file in files)
    return GroupSample(groups, int(record_bytes * size_bytes / max(text_bytes, 1.0)))


def _size_of(file: SourceFile, rows: pl.DataFrame) -> float:
    """Return the approximate bytes of a file that some of its rows take."""
    if file.rows:
        return file.size_bytes * rows.height / file.rows
    texts = sum(int(series.str.len_bytes().sum()) for series in rows if series.dtype == pl.String)
    return min(texts + rows.height * len(rows.columns), _unpacked_bytes(file))


def _unpacked_bytes(file: SourceFile) -> int:
    is_packed = file.format != "parquet" and without_suffix(file.path) != file.path
    return file.size_bytes * (UNPACKED if is_packed else 1)
