"""Files of an extract, opened, and the slices that their rows are cut into."""

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
"""How many rows are looked at in each of a few places of a file to tell how long its rows are: extracts are
often sorted by time, and rows grow over the years."""

SIZED_FILES = 8
"""How many files, evenly spread over the extract, are looked at to tell how long rows are."""

VALUE_BYTES = 20
"""What a value that is not text counts as: about a number or timestamp with its digits."""

KEY_BYTES = 6
"""Quotes, colon and comma around a key and its value in a record."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one file in one slice, as they are in the file.

    Attributes:
        file: Number of the source file, from 0.
        first_row: Position of the first row in that file, from 0.
        frame: The rows, with the columns the job needs.
        last_of_file: Whether the file ends with it.
        bad: Records that cannot be rows; ``index`` is their position in ``frame``, which holds no
            values there.
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
        ends_window: Whether it is the last of its window.
    """

    window: int
    number: int
    pieces: Sequence[Piece]
    places: Sequence[int]
    ends_window: bool


class Table(Protocol):
    """One file of an extract, opened."""

    @property
    def file(self) -> SourceFile:
        """The file."""

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types, in file order."""

    @property
    def words(self) -> str:
        """How it is written, in words."""

    @property
    def advice(self) -> Sequence[str]:
        """What the user should check although it does not stop the load."""

    def has_rows(self) -> bool:
        """Return whether there is any row."""

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return about how long records of these columns are, where they are longest."""

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read what is wanted, slice by slice; return the number of rows of the file.

        The last piece says that it is the last; a file without rows has an empty one.
        """

    def read_whole(self, others: Sequence["Table"], columns: Sequence[str]) -> Sequence[Rows | None]:
        """Read all rows of this small file and of others, at once as far as they are written alike.

        Returns:
            The rows of each file, this one first; None for a file without rows, and for one that is to be
            read by itself, for whatever reason.
        """

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (by position, ascending) to a new file that the same settings read."""

    @property
    def settings_found(self) -> Mapping[str, str]:
        """CSV settings that a file with fewer rows might not show, by name."""


def first_rows(table: Table, columns: tuple[str, ...], rows: int) -> pl.DataFrame | None:
    """Return the first rows of a file, so many at most; None if it has none.

    Raises:
        ExtractError: The file cannot be read.
    """
    cut = FileCut(columns, Cuts(rows, rows, rows), 0, lambda window: window == 0)
    with closing(table.pieces(cut)) as pieces:
        piece = next(pieces, None)
    return piece.frame if piece is not None and piece.frame.height else None


def mean_row_bytes(rows: pl.DataFrame) -> int:
    """Return about how long the record of a row is, independent of how polars keeps it in memory."""
    texts = sum(
        int(unnamed(rows, name).str.len_bytes().sum())
        for name, dtype in rows.schema.items()
        if dtype == pl.String
    )
    others = VALUE_BYTES * sum(1 for dtype in rows.dtypes if dtype != pl.String)
    keys = sum(len(name) + KEY_BYTES for name in rows.columns)
    return max(1, texts // max(1, rows.height) + others + keys)
