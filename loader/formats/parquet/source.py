"""Read slices of a Parquet file with polars.

Rules kept here:

1. Only this module and ``raw_copy``, which writes, call polars' functions for Parquet files.
2. Reading a slice holds the slice and some column chunks of the surrounding row groups in memory. Chunks are
   read whole, so a large file is read column by column (``part_file.CHUNK_BYTES``).
3. Exceptions of polars leave this module as an ExtractError that names the file and contains no row data.
4. polars sees only what ``footer`` and ``pages`` have checked, and only types, names and columns that
   ``part_file`` writes.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import accumulate, groupby
from pathlib import Path

import polars as pl

from loader.errors import ExtractError
from loader.formats.parquet.columns import Column, checked_rows
from loader.formats.parquet.footer import Chunk, Footer, RowGroup, Unsound, read_footer
from loader.formats.parquet.layout import Layout, layout_of
from loader.formats.parquet.leaf_types import looked_at, with_digits_of
from loader.formats.parquet.leaf_values import Int96Values
from loader.formats.parquet.pages import check_pages, read_pages
from loader.formats.parquet.part_file import chunks_of, groups_with, part_file, some_at_a_time
from loader.formats.parquet.raw_copy import COMPRESSION, Original, give_types, write_parquet
from loader.formats.rows import Rows
from loader.sources.s3.objects import S3Object

LARGE_DICTIONARY_BYTES = 4 * 2**20
"""Unpacked size from which a dictionary is unpacked once for all reads of its row group. polars writes one
dictionary of any size, most other writers at most 1 MiB."""

VIEW_BYTES = 16
"""Memory of a text in polars, besides the dictionary that has its characters."""


class ParquetSource:
    """One Parquet file. Its footer is read once and kept.

    Args:
        path: Absolute path, or URL.
        size_bytes: Size of the file.
        remote: The object, if it is in S3.

    Raises:
        ExtractError: The file is not a complete Parquet file.
    """

    def __init__(self, path: str, size_bytes: int, remote: S3Object | None = None) -> None:
        self._path = path
        self.remote = remote
        self._dictionaries: dict[Chunk, int] = {}
        try:
            with closing(remote.open() if remote is not None else Path(path).open("rb")) as handle:
                self.footer: Footer = read_footer(handle, size_bytes)
        except _READ_ERRORS as error:
            raise _unreadable(path, error) from error
        self.rows: int = self.footer.rows

    @cached_property
    def layout(self) -> Layout:
        """The types of its columns. Files with the same columns share this object."""
        layout = layout_of(self.footer)
        if not layout.depends_on_values:
            return layout
        return Layout({name: self._to_last_digit(column) for name, column in layout.columns.items()})

    @property
    def unpacked_bytes(self) -> int:
        """Size of its unpacked pages, as its footer states it."""
        return sum(int(chunk.about.get(6, 0)) for group in self.footer.groups for chunk in group.chunks)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Its columns by name."""
        return self.layout.columns

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types. Columns that cannot be used have the type ``Unread``."""
        try:
            return _types(self.layout)
        except _READ_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def read(
        self, columns: Sequence[str], first_row: int, rows: int, kept: "KeptValues | None" = None
    ) -> Rows:
        """Return ``rows`` rows from ``first_row`` on, with the named columns in that order.

        Args:
            columns: The names.
            first_row: Position of the first row.
            rows: Number of rows.
            kept: Shared by the reads of a reading from the first row to the last, or None.

        Raises:
            ExtractError: The file is damaged, or has fewer rows than its footer states.
        """
        wanted = [self.columns[name] for name in columns]
        try:
            return checked_rows(self._raw_columns(wanted, first_row, rows, kept or KeptValues()))
        except _READ_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def has_layout_of(self, other: "ParquetSource") -> bool:
        """Return whether `read_together` can read both files at once."""
        return self.layout is other.layout and self.remote is other.remote is None

    def copy_rows(self, rows: Iterator[int], slice_rows: int, target: Path) -> None:
        """Write some rows (ascending) as stored to a file, with all readable columns.

        Args:
            rows: Their positions.
            slice_rows: Rows to read at a time, even if few of them are wanted.
            target: The new file.

        Raises:
            ExtractError: The file is damaged.
            OSError: The new file cannot be written.
        """
        columns = [column.as_stored for column in self.columns.values() if not column.unread]
        schema = pl.read_parquet_schema(part_file(columns, [], []))
        picked = self._picked(rows, columns, slice_rows)
        write_parquet(picked, schema, target, compression=COMPRESSION)
        names = [node.name for node in self.footer.schema.columns]
        nodes = [column.node for column in columns]
        places = [names.index(node.name) for node in nodes]
        give_types(target, Original(nodes, places, self.footer.arrow_schema, self.footer.calendar))

    def _picked(
        self, rows: Iterator[int], columns: Sequence[Column], slice_rows: int
    ) -> Iterator[pl.DataFrame]:
        kept = KeptValues()
        for number, picked in groupby(rows, lambda row: row // slice_rows):
            first_row = number * slice_rows
            frame = self._stored(columns, first_row, min(slice_rows, self.rows - first_row), kept)
            yield frame[[row - first_row for row in picked]]

    def _stored(
        self, columns: Sequence[Column], first_row: int, rows: int, kept: "KeptValues"
    ) -> pl.DataFrame:
        """Return the physical values of rows, in columns with numbers as names."""
        series = (raw for _, raw in self._raw_columns(columns, first_row, rows, kept))
        try:
            return pl.DataFrame([each.alias(str(number)) for number, each in enumerate(series)])
        except _READ_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def _raw_columns(
        self, wanted: Sequence[Column], first_row: int, rows: int, kept: "KeptValues"
    ) -> Iterator[tuple[Column, pl.Series]]:
        groups = groups_with(self.footer.groups, first_row, rows)
        for keeps, some in groupby(wanted, lambda column: self._keeps(column, groups)):
            if keeps:
                for column in some:
                    values = [self._values_of_group(column, group, kept) for group in groups]
                    yield column, pl.concat(values).slice(first_row - groups[0].first_row, rows)
                    del values
                continue
            for columns in some_at_a_time(list(some), groups):
                frame = self._read_raw(columns, groups, first_row, rows)
                _check_height(frame, rows, first_row)
                for number, column in enumerate(columns):
                    yield column, frame[str(number)]
        kept.pass_groups(first_row + rows)

    def _keeps(self, column: Column, groups: Sequence[RowGroup]) -> bool:
        """Return whether to keep the values of a column: an earlier read found a large dictionary."""
        chunks = (chunk for group in groups for chunk in chunks_of(column, group))
        return column.is_plain and any(
            self._dictionaries.get(chunk, 0) > max(LARGE_DICTIONARY_BYTES, VIEW_BYTES * chunk.rows)
            for chunk in chunks
        )

    def _values_of_group(self, column: Column, group: RowGroup, kept: "KeptValues") -> pl.Series:
        place = column.first_leaf, group.first_row
        if place not in kept.values:
            frame = self._read_raw([column], [group], group.first_row, group.rows)
            _check_height(frame, group.rows, group.first_row)
            kept.values[place] = group.first_row + group.rows, frame["0"]
        return kept.values[place][1]

    def _read_raw(
        self, columns: Sequence[Column], groups: Sequence[RowGroup], first_row: int, rows: int
    ) -> pl.DataFrame:
        """Return what polars decodes from the pages, in columns with numbers as names."""
        if not groups:
            return pl.read_parquet(part_file(columns, [], []))
        file = part_file(columns, groups, [self.pages(columns, groups)] * len(groups))
        skipped = first_row - groups[0].first_row
        return pl.scan_parquet(file, cache=False, glob=False).slice(skipped, rows).collect()

    def pages(self, columns: Sequence[Column], groups: Sequence[RowGroup]) -> dict[Chunk, bytes]:
        """Return the checked bytes of the chunks of columns in row groups."""
        every = (chunk for group in groups for column in columns for chunk in chunks_of(column, group))
        chunks = [chunk for chunk in every if chunk.values]
        pages = read_pages(self._path, self.remote, chunks)
        for chunk, content in pages.items():
            if chunk not in self._dictionaries:
                self._dictionaries[chunk] = check_pages(io.BytesIO(content), chunk, 0)
        return pages

    def _to_last_digit(self, column: Column) -> Column:
        """Return a column whose INT96 timestamps are microseconds if microseconds represent all of them.

        Spark, Hive and Impala write 9999-12-31 as INT96, which exceeds the range of nanoseconds; but Impala
        also writes nanoseconds. Only the values show which it is, so all are examined once.
        """
        if not column.has_int96:
            return column
        seen = [Int96Values() if leaf.is_int96 else None for leaf in column.leaves]
        looking = replace(column, leaves=list(map(looked_at, column.leaves, seen)))
        try:
            for group in self.footer.groups:
                looking.values_of(self._read_raw([column], [group], group.first_row, group.rows)["0"])
        except _READ_ERRORS:
            return column  # reading the column reports the fault
        return replace(column, leaves=list(map(with_digits_of, column.leaves, seen)))


class KeptValues:
    """The values of columns with a large dictionary, for a reading from the first row to the last.

    polars unpacks the whole dictionary of a column chunk for each read of it. Until its row group is passed,
    the values of the row group are kept: the dictionary, and `VIEW_BYTES` for each value.

    Attributes:
        values: Row after the row group, and values; by first leaf of the column and first row of the group.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[int, int], tuple[int, pl.Series]] = {}

    def pass_groups(self, row: int) -> None:
        """Drop the values of row groups without rows from ``row`` on."""
        self.values = {place: each for place, each in self.values.items() if each[0] > row}


def _check_height(frame: pl.DataFrame, rows: int, first_row: int) -> None:
    if frame.height != rows:
        raise Unsound(f"it has fewer rows than its footer states, from row {first_row} on")


def read_together(sources: Sequence[ParquetSource], names: Sequence[str]) -> Sequence[Rows] | None:
    """Return all rows of small files with the same layout, read at once; None if one of them has a fault.

    Args:
        sources: The files; `ParquetSource.has_layout_of` holds for the first and each other one.
        names: The wanted columns, in this order.
    """
    wanted = [sources[0].columns[name] for name in names]
    groups: list[RowGroup] = []
    pages: list[dict[Chunk, bytes]] = []
    try:
        for source in sources:
            groups += source.footer.groups
            pages += [source.pages(wanted, source.footer.groups)] * len(source.footer.groups)
        frame = pl.scan_parquet(part_file(wanted, groups, pages), cache=False, glob=False).collect()
        if frame.height != sum(source.rows for source in sources):
            return None
        read = checked_rows((column, frame[str(number)]) for number, column in enumerate(wanted))
    except _READ_ERRORS:
        return None
    starts = accumulate((source.rows for source in sources), initial=0)
    return [read.part(start, source.rows) for start, source in zip(starts, sources, strict=False)]


@lru_cache(maxsize=16)
def _types(layout: Layout) -> Mapping[str, pl.DataType]:
    columns = layout.columns
    readable = [column for column in columns.values() if not column.unread]
    raw = pl.read_parquet_schema(part_file(readable, [], [])) if readable else {}
    types = {column.node.name: raw[str(number)] for number, column in enumerate(readable)}
    return {name: column.dtype_of(types.get(name, pl.Null())) for name, column in columns.items()}


_READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, Unsound)


def _unreadable(path: str, why: object) -> ExtractError:
    is_panic = isinstance(why, pl.exceptions.PanicException)
    return ExtractError(
        "The Parquet file cannot be read.",
        where=path,
        why="it is damaged: its pages do not decode" if is_panic else str(why).partition("\n")[0],
        next_step="export it again, or leave it out",
    )
