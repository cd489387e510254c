"""Open files of an extract, and the slices of their rows."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.cuts import Cuts, FileCut
from loader.formats.rows import Rows
from loader.formats.unnamed import unnamed
from loader.model import SourceFile

SIZING_ROWS = 250
"""Rows to sample at each place of a file to estimate the size of its rows. Extracts are often sorted by time,
and rows grow over the years."""

SIZED_FILES = 8
"""Number of files to sample, evenly spread over the extract."""

VALUE_BYTES = 20
"""Assumed bytes of a value that is not text: about those of a number or timestamp."""

KEY_BYTES = 6
"""Bytes of quotes, colon and comma around a key and its value in a record."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one file in one slice, unconverted.

    Attributes:
        file: Number of the source file, from 0.
        first_row: Position of the first row in that file, from 0.
        frame: The rows, with the columns the job needs.
        last_of_file: Whether the file ends with it.
        bad: Records that cannot become rows; ``index`` is their position in ``frame``, where they have no
            values.
    """

    file: int
    first_row: int
    frame: pl.DataFrame = field(repr=False)
    last_of_file: bool
    bad: Sequence[BadRecord] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of the rows of an extract.

    Attributes:
        window: Number of its window over the whole extract, from 0.
        number: Its number in the window, from 0.
        pieces: Its rows, file by file. A file without rows has a piece too.
        places: Position in the window of the first row of each piece.
        ends_window: Whether it is the last slice of its window.
    """

    window: int
    number: int
    pieces: Sequence[Piece]
    places: Sequence[int]
    ends_window: bool


class Table(Protocol):
    """An open file of an extract."""

    @property
    def file(self) -> SourceFile:
        """The file."""

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types, in file order."""

    @property
    def words(self) -> str:
        """The format in words."""

    @property
    def advice(self) -> Sequence[str]:
        """Notes for the user that do not stop the load."""

    def has_rows(self) -> bool:
        """Return whether the file has a row."""

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, at the place where they are largest."""

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        The last piece is marked as the last; a file without rows has an empty piece.
        """

    def read_whole(self, others: Sequence["Table"], columns: Sequence[str]) -> Sequence[Rows | None]:
        """Read all rows of this small file and of others at once, if they have the same dialect or layout.

        Returns:
            The rows of each file, this one first; None for a file without rows, and for a file that must be
            read by itself.
        """

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (by position, ascending) to a new file that the same settings read."""

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """CSV settings that a file with fewer rows might not show, by name."""


def first_rows(table: Table, columns: tuple[str, ...], rows: int) -> pl.DataFrame | None:
    """Return at most this many first rows of a file; None if it has no rows.

    Raises:
        ExtractError: The file cannot be read.
    """
    cut = FileCut(columns, Cuts(rows, rows, rows), 0, lambda window: window == 0)
    with closing(table.pieces(cut)) as pieces:
        piece = next(pieces, None)
    return piece.frame if piece is not None and piece.frame.height else None


def mean_row_bytes(rows: pl.DataFrame) -> int:
    """Return the approximate size of a row's record, independent of polars' representation in memory."""
    texts = sum(
        int(unnamed(rows, name).str.len_bytes().sum())
        for name, dtype in rows.schema.items()
        if dtype == pl.String
    )
    others = VALUE_BYTES * sum(1 for dtype in rows.dtypes if dtype != pl.String)
    keys = sum(len(name) + KEY_BYTES for name in rows.columns)
    return max(1, texts // max(1, rows.height) + others + keys)
