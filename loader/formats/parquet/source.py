"""Read slices of a Parquet file, and write Parquet files, with polars.

Rules kept here:

1. This is the only module that names polars' calls for Parquet files.
2. Reading a slice of a Parquet file holds that slice and, of the row group around it, one group of
   column chunks at a time: polars fetches a column chunk whole, so a large file is read column by
   column (``columns_per_scan``). Measured with 2,000,000 rows x 20 columns in one row group (473 MB):
   all columns at once 640 MB resident, column by column 190 MB; ``collect_batches`` 1,340 MB.
3. What polars raises leaves here as an ExtractError that names the file and holds no row data.
4. Polars sees nothing of a Parquet file on this machine that ``footer`` has not found sound.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl
from polars.io.plugins import register_io_source
from polars.selectors import by_name

from loader.errors import ExtractError
from loader.formats.parquet.footer import (
    Chunk,
    RowGroup,
    Unsound,
    check_pages,
    chunks_between,
    read_row_groups,
)
from loader.sources.cloud_access import CloudAccess

CHUNK_BYTES = 32 * 2**20
"""How many bytes of column chunks one scan may fetch, if the file were a single row group."""


class ParquetSource:
    """One Parquet file, opened once: its footer is parsed once and kept.

    Args:
        path: Absolute path, or URL.
        size_bytes: Size of the file.
        cloud: How to read it if it is no file on this machine.

    Raises:
        ExtractError: It is not a whole Parquet file.
    """

    def __init__(self, path: str, size_bytes: int, cloud: CloudAccess | None = None) -> None:
        self._path = path
        self._checked: set[Chunk] = set()
        self._row_groups: Sequence[RowGroup] = ()
        try:
            if cloud is None:
                with Path(path).open("rb") as handle:
                    self._row_groups = read_row_groups(handle, size_bytes)
            # cache=False: windows are read once; glob=False: brackets in a path are part of its name.
            self._frame = pl.scan_parquet(
                path,
                cache=False,
                glob=False,
                storage_options=None if cloud is None else dict(cloud.options),
                credential_provider=None if cloud is None else cloud.key,
            )
            self.schema: Mapping[str, pl.DataType] = self._frame.collect_schema()
            self.rows: int = self._frame.select(pl.len()).collect().item()
        except _READ_ERRORS as error:
            raise _unreadable(path, error) from error
        self._columns_per_scan = columns_per_scan(size_bytes, len(self.schema))

    def read(self, columns: Sequence[str], first_row: int, rows: int) -> pl.DataFrame:
        """Return ``rows`` rows from ``first_row`` on, with the named columns in that order.

        Raises:
            ExtractError: The file is damaged, or has fewer rows than its footer says.
        """
        step = self._columns_per_scan
        try:
            self._check_pages(columns, first_row, rows)
            parts = [
                self._frame.select(by_name(*columns[start : start + step])).slice(first_row, rows).collect()
                for start in range(0, len(columns), step)
            ]
        except _READ_ERRORS as error:
            raise _unreadable(self._path, error) from error
        frame = pl.concat(parts, how="horizontal") if parts else pl.DataFrame()
        if frame.height != rows and columns:
            raise _unreadable(self._path, f"it has fewer rows than its footer says, from row {first_row} on")
        return frame

    def _check_pages(self, columns: Sequence[str], first_row: int, rows: int) -> None:
        wanted = set(columns)
        chunks = chunks_between(self._row_groups, first_row, rows)
        new = [chunk for chunk in chunks if chunk.column in wanted and chunk not in self._checked]
        if new:
            with Path(self._path).open("rb") as handle:
                for chunk in new:
                    check_pages(handle, chunk)
            self._checked.update(new)


def columns_per_scan(size_bytes: int, columns: int) -> int:
    """Return how many columns to fetch at once, so that their chunks stay within CHUNK_BYTES.

    Polars does not tell the sizes of row groups, so the whole file counts as one.
    """
    return max(1, CHUNK_BYTES * max(1, columns) // max(1, size_bytes))


def write_parquet(
    frames: Iterator[pl.DataFrame], schema: Mapping[str, pl.DataType], target: Path | BinaryIO
) -> None:
    """Write frames of one schema to a Parquet file, holding few of them at a time.

    Raises:
        ExtractError: A frame cannot be made.
        OSError: The file cannot be written.
    """
    failed: list[ExtractError] = []

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except ExtractError as error:  # polars would wrap it
            failed.append(error)

    register_io_source(source, schema=dict(schema)).sink_parquet(target)
    if failed:
        raise failed[0]


_READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, Unsound)


def _unreadable(path: str, why: object) -> ExtractError:
    is_panic = isinstance(why, pl.exceptions.PanicException)
    return ExtractError(
        "The Parquet file cannot be read.",
        where=path,
        why="it is damaged: its pages do not decode" if is_panic else str(why).partition("\n")[0],
        next_step="Export it again, or leave it out.",
    )
