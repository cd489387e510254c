"""Divide the rows of an extract into windows and slices by position alone, across the borders of files.

Rules kept here:

1. Rows are counted in the order of the files. A window is a fixed number of rows and the unit of resume; a
   slice is a part of a window and the unit of memory.
2. The rows of a slice do not depend on what else is read. An unneeded window is not parsed. A file without a
   row in a needed window is not opened if its number of rows is known.
3. The rows of a window and of a slice depend on the files' bytes and the plan settings only.
"""

from collections.abc import Callable, Generator, Mapping, Sequence

from loader.formats.cuts import Cuts, FileCut
from loader.formats.small_files import FileToRead, SmallFiles, pieces_of
from loader.formats.windows import Piece, Slice
from loader.sources.files import check_unchanged


def read_slices(
    files: Sequence[FileToRead],
    cuts: Cuts,
    wanted: Callable[[int], bool],
    known_rows: Mapping[int, int],
    on_end: Callable[[int, int], None] = lambda _file, _rows: None,
) -> Generator[Slice, None, None]:
    """Read the slices of the wanted windows in order. Blocking; closing the iterator stops the reading.

    Args:
        files: The files in order. Each is opened when it is reached.
        cuts: The division of the extract.
        wanted: Returns, for the number of a window, whether it is needed.
        known_rows: Rows of files that were read to their end before, by file number.
        on_end: Called with the number and the rows of each file when its end is reached, now or before.

    Raises:
        ExtractError: A file cannot be read, or changed since the load began.
    """
    place, taken = 0, _SliceInWork(cuts)
    small = SmallFiles(files, cuts, wanted, known_rows)
    for index, each in enumerate(files):
        cut = FileCut(each.columns, cuts, place, wanted)
        rows = known_rows.get(each.file.number, each.file.rows)
        if rows is None or cut.any_wanted(rows):
            check_unchanged(each.file)
            read = small.rows_of(index, place)
            pieces = each.open().pieces(cut) if read is None else pieces_of(each.file.number, read, cut)
            rows = yield from _taken(pieces, taken, place)
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
        ends_file = piece.last_of_file
        # Otherwise its rows would stay in memory while the next piece is read.
        del piece
        # A full slice ends without a look at the next file, unless that decides whether the window ends.
        if taken.is_full and (taken.is_last_of_window or not ends_file):
            yield taken.end()


class _SliceInWork:
    """Pieces of the slice that is being read."""

    def __init__(self, cuts: Cuts) -> None:
        self._cuts = cuts
        self.pieces: list[Piece] = []
        self._places: list[int] = []
        self._end = 0

    def takes(self, place: int) -> bool:
        """Return whether the row at a place in the extract belongs to the slice."""
        return self._cuts.slice_at(place) == self._cuts.slice_at(self._places[0])

    def add(self, piece: Piece, place: int) -> None:
        """Add a piece whose first row is at a place in the extract."""
        self.pieces.append(piece)
        self._places.append(place)
        self._end = place + piece.frame.height

    @property
    def is_full(self) -> bool:
        """Whether it has all its rows."""
        return self._end == self._cuts.slice_end(self._places[0])

    @property
    def is_last_of_window(self) -> bool:
        """Whether its last row is the last row of a full window."""
        return self.is_full and self._end % self._cuts.window_rows == 0

    def end(self, *, ends_window: bool = False) -> Slice:
        """Return the slice, and begin the next one."""
        window, number = self._cuts.slice_at(self._places[0])
        start = window * self._cuts.window_rows
        places = [place - start for place in self._places]
        done = Slice(window, number, self.pieces, places, ends_window or self.is_last_of_window)
        self.pieces, self._places = [], []
        return done
