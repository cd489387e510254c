"""Windows and slices of the rows of an extract, cut by position alone, over the borders of files.

Rules kept here:

1. The rows of the extract are counted in the order of its files. A window is a fixed number of them, and the
   unit of resume; a slice is a part of a window, and the unit of memory.
2. A slice holds the same rows whatever else is read. A window that is not wanted is not parsed, and a file
   without a row in a wanted window is not opened if its number of rows is known.
3. The rows of a window and of a slice are functions of the files' bytes and the plan settings.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.cuts import Cuts, FileCut
from loader.formats.unnamed import unnamed
from loader.model import SourceFile
from loader.sources.files import check_unchanged

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


@dataclass(frozen=True, slots=True)
class FileToRead:
    """A file, and what to read of it.

    Attributes:
        file: The file.
        columns: The source columns that the job needs.
        open: Opens it.
    """

    file: SourceFile
    columns: tuple[str, ...]
    open: Callable[[], Table]


def read_slices(
    files: Iterable[FileToRead],
    cuts: Cuts,
    wanted: Callable[[int], bool],
    known_rows: Mapping[int, int],
    on_end: Callable[[int, int], None] = lambda _file, _rows: None,
) -> Generator[Slice, None, None]:
    """Read the slices of the wanted windows in order. Blocking; closing the iterator stops the reading.

    Args:
        files: The files in order; each is opened when it is reached.
        cuts: Where the extract is cut.
        wanted: Tells by its number whether a window is needed.
        known_rows: Rows of files that were read to their end before, by file number.
        on_end: Called with the number of each file and its rows when its end is reached, by now or before.

    Raises:
        ExtractError: A file cannot be read, or changed since the load began.
    """
    place, taken = 0, _SliceInWork(cuts)
    for each in files:
        cut = FileCut(each.columns, cuts, place, wanted)
        rows = known_rows.get(each.file.number, each.file.rows)
        if rows is None or cut.any_wanted(rows):
            check_unchanged(each.file)
            rows = yield from _taken(each.open().pieces(cut), taken, place)
        on_end(each.file.number, rows)
        place += rows
    if taken.pieces:
        yield taken.end(ends_window=True)


def _taken(
    pieces: Generator[Piece, None, int], taken: "_SliceInWork", place: int
) -> Generator[Slice, None, int]:
    """Yield the slices that the pieces of a file complete; return the number of rows of the file."""
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            rows: int = end.value
            return rows
        if taken.pieces and not taken.takes(place + piece.first_row):
            yield taken.end()
        taken.add(piece, place + piece.first_row)
        # What is full needs no look at the next file, unless that decides whether the window ends here.
        if taken.is_full and (taken.is_last_of_window or not piece.last_of_file):
            yield taken.end()


class _SliceInWork:
    """Pieces of the slice that is read now."""

    def __init__(self, cuts: Cuts) -> None:
        self._cuts = cuts
        self.pieces: list[Piece] = []
        self._places: list[int] = []
        self._end = 0

    def takes(self, place: int) -> bool:
        """Return whether the row at a place of the extract is in the slice."""
        return self._cuts.slice_at(place) == self._cuts.slice_at(self._places[0])

    def add(self, piece: Piece, place: int) -> None:
        """Take a piece whose first row is at a place of the extract."""
        self.pieces.append(piece)
        self._places.append(place)
        self._end = place + piece.frame.height

    @property
    def is_full(self) -> bool:
        """Whether it has all its rows."""
        return self._end == self._cuts.slice_end(self._places[0])

    @property
    def is_last_of_window(self) -> bool:
        """Whether its last row is the last one of a full window."""
        return self.is_full and self._end % self._cuts.window_rows == 0

    def end(self, *, ends_window: bool = False) -> Slice:
        """Return the slice, and begin another one."""
        window, number = self._cuts.slice_at(self._places[0])
        start = window * self._cuts.window_rows
        places = [place - start for place in self._places]
        done = Slice(window, number, self.pieces, places, ends_window or self.is_last_of_window)
        self.pieces, self._places = [], []
        return done


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
