"""Read slices of a Parquet file, and write Parquet files, with polars.

Rules kept here:

1. This is the only module that calls polars' functions for Parquet files.
2. Reading a slice holds the slice and some column chunks of the surrounding row groups in memory. Chunks are
   read whole, so a large file is read column by column (``part_file.CHUNK_BYTES``).
3. Exceptions of polars leave this module as an ExtractError that names the file and contains no row data.
4. polars sees only what ``footer`` and ``pages`` have checked, and only types, names and columns that
   ``part_file`` writes.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any, BinaryIO, Literal

import polars as pl
from polars.io.plugins import register_io_source

from loader.errors import ExtractError
from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.parquet.columns import Column
from loader.formats.parquet.footer import Chunk, Footer, RowGroup, Unsound, read_footer
from loader.formats.parquet.layout import Layout, layout_of
from loader.formats.parquet.leaf_values import as_far_microseconds, int96_parts
from loader.formats.parquet.pages import check_pages, read_pages
from loader.formats.parquet.part_file import chunks_of, groups_with, part_file, some_at_a_time
from loader.formats.parquet.raw_copy import COMPRESSION, Original, give_types
from loader.formats.rows import Rows
from loader.row_issues import MAX_VALUE_CHARS
from loader.sources.s3_objects import S3Object


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
        self._checked: set[Chunk] = set()
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

    def read(self, columns: Sequence[str], first_row: int, rows: int) -> Rows:
        """Return ``rows`` rows from ``first_row`` on, with the named columns in that order.

        Raises:
            ExtractError: The file is damaged, or has fewer rows than its footer states.
        """
        wanted = [self.columns[name] for name in columns]
        try:
            return _checked(self._raw_columns(wanted, first_row, rows))
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
        give_types(target, Original(nodes, places, self.footer.arrow_schema))

    def _picked(
        self, rows: Iterator[int], columns: Sequence[Column], slice_rows: int
    ) -> Iterator[pl.DataFrame]:
        for number, picked in groupby(rows, lambda row: row // slice_rows):
            first_row = number * slice_rows
            frame = self._stored(columns, first_row, min(slice_rows, self.rows - first_row))
            yield frame[[row - first_row for row in picked]]

    def _stored(self, columns: Sequence[Column], first_row: int, rows: int) -> pl.DataFrame:
        """Return the physical values of rows, in columns with numbers as names."""
        series = (raw for _, raw in self._raw_columns(columns, first_row, rows))
        try:
            return pl.DataFrame([each.alias(str(number)) for number, each in enumerate(series)])
        except _READ_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def _raw_columns(
        self, wanted: Sequence[Column], first_row: int, rows: int
    ) -> Iterator[tuple[Column, pl.Series]]:
        groups = groups_with(self.footer.groups, first_row, rows)
        for columns in some_at_a_time(wanted, groups):
            frame = self._read_raw(columns, groups, first_row, rows)
            if frame.height != rows:
                raise Unsound(f"it has fewer rows than its footer states, from row {first_row} on")
            for number, column in enumerate(columns):
                yield column, frame[str(number)]

    def _read_raw(
        self, columns: Sequence[Column], groups: Sequence[RowGroup], first_row: int, rows: int
    ) -> pl.DataFrame:
        """Return what polars decodes from the pages, in columns with numbers as names."""
        if not groups:
            return pl.read_parquet(part_file(columns, [], []))
        file = part_file(columns, groups, [self.pages(columns, groups)] * len(groups))
        skipped = first_row - groups[0].first_row
        return pl.scan_parquet(file, cache=False, glob=False).slice(skipped, rows).collect()

    def pages(self, columns: Sequence[Column], groups: Sequence[RowGroup]) -> Mapping[Chunk, bytes]:
        """Return the checked bytes of the chunks of columns in row groups."""
        every = (chunk for group in groups for column in columns for chunk in chunks_of(column, group))
        chunks = [chunk for chunk in every if chunk.values]
        pages = read_pages(self._path, self.remote, chunks)
        for chunk, content in pages.items():
            if chunk not in self._checked:
                check_pages(io.BytesIO(content), chunk.at_start())
        self._checked.update(chunks)
        return pages

    def _to_last_digit(self, column: Column) -> Column:
        """Return a column whose INT96 timestamps are microseconds if microseconds represent all of them.

        Spark, Hive and Impala write 9999-12-31 as INT96, which exceeds the range of nanoseconds; but Impala
        also writes nanoseconds. Only the values show which it is, so all are examined once.
        """
        if not column.has_int96 or not column.is_plain:
            return column
        far = fine = False
        try:
            for group in self.footer.groups:
                raw = self._read_raw([column], [group], group.first_row, group.rows)["0"]
                days, nanoseconds = int96_parts(raw)
                far = far or bool((~days.is_between(-106_751, 106_750)).any())
                fine = fine or bool((nanoseconds % 1000 != 0).any())
        except _READ_ERRORS:
            return column  # reading the column reports the fault
        if fine or not far:
            return column
        leaves = [replace(column.leaves[0], dtype=pl.Datetime("us"), convert=as_far_microseconds)]
        return replace(column, leaves=leaves)


def read_together(sources: Sequence[ParquetSource], names: Sequence[str]) -> Sequence[Rows] | None:
    """Return all rows of small files with the same layout, read at once; None if one of them has a fault.

    Args:
        sources: The files; `ParquetSource.has_layout_of` holds for the first and each other one.
        names: The wanted columns, in this order.
    """
    wanted = [sources[0].columns[name] for name in names]
    groups: list[RowGroup] = []
    pages: list[Mapping[Chunk, bytes]] = []
    try:
        for source in sources:
            groups += source.footer.groups
            pages += [source.pages(wanted, source.footer.groups)] * len(source.footer.groups)
        frame = pl.scan_parquet(part_file(wanted, groups, pages), cache=False, glob=False).collect()
        if frame.height != sum(source.rows for source in sources):
            return None
        read = _checked((column, frame[str(number)]) for number, column in enumerate(wanted))
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


def _checked(raw_columns: Iterable[tuple[Column, pl.Series]]) -> Rows:
    """Return the values of columns, and the rows with a value that does not fit its type."""
    bad: dict[int, BadRecord] = {}
    series: dict[str, pl.Series] = {}
    for column, raw in raw_columns:
        name = column.node.name
        checked = column.values_of(raw)
        series[name] = checked.values
        for fault in checked.faults:
            for index in fault.rows.arg_true():
                about = RecordFault(fault.code, fault.reason, name)
                bad.setdefault(index, BadRecord(index, about, _shown(raw, index)))
    return Rows(pl.DataFrame(series), [bad[index] for index in sorted(bad)])


def _shown(raw: pl.Series, index: int) -> str:
    """Return a value with a fault as stored, for the rejected row."""
    value: Any = raw[index]
    if isinstance(value, bytes):
        return value[:MAX_VALUE_CHARS].decode(errors="replace")
    if isinstance(value, pl.Series):
        value = value.head(MAX_VALUE_CHARS).to_list()
    return str(value)[:MAX_VALUE_CHARS]


def write_parquet(
    frames: Iterator[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    target: Path | BinaryIO,
    compression: Literal["zstd", "gzip"] = "zstd",
) -> None:
    """Write frames of one schema to a Parquet file, with few of them in memory at a time.

    Raises:
        ExtractError: A frame cannot be produced.
        OSError: The file cannot be written.
    """
    failed: list[ExtractError] = []

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except ExtractError as error:  # polars would wrap it
            failed.append(error)

    register_io_source(source, schema=dict(schema)).sink_parquet(target, compression=compression)
    if failed:
        raise failed[0]


_READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, Unsound)


def _unreadable(path: str, why: object) -> ExtractError:
    is_panic = isinstance(why, pl.exceptions.PanicException)
    return ExtractError(
        "The Parquet file cannot be read.",
        where=path,
        why="it is damaged: its pages do not decode" if is_panic else str(why).partition("\n")[0],
        next_step="export it again, or leave it out",
    )
