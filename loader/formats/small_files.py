"""Read many small files at a time, so that the fixed cost of a read is paid once for all of them.

Rules kept here:

1. This saves time only. Each row keeps its file and its position. A file that cannot be read with others, or
   that has a fault, is read by itself when it is reached, and its fault is reported then.
2. The number of files, bytes and rows read ahead is limited.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from loader.errors import ExtractError
from loader.formats.cuts import Cuts, FileCut
from loader.formats.rows import Rows
from loader.formats.windows import Piece, Table
from loader.model import SourceFile
from loader.sources.s3.objects import S3File

SMALL_FILE_BYTES = 2**19
"""Larger files are read by themselves, because their rows cost more than the fixed cost."""

_MOST_FILES = 256
MOST_BYTES = 4 * 2**20
"""Maximum number of files read at a time, and maximum bytes of them."""


@dataclass(frozen=True, slots=True)
class FileToRead:
    """A file and the wanted part of it.

    Attributes:
        file: The file.
        columns: The source columns that the job needs.
        open: Opens it.
    """

    file: SourceFile
    columns: tuple[str, ...]
    open: Callable[[], Table]


class SmallFiles:
    """The small files of an extract, read ahead.

    Args:
        files: All files, in order.
        cuts: The division of the extract.
        wanted: Returns, for the number of a window, whether it is needed.
        known_rows: Rows of files that were read to their end before, by file number.
    """

    def __init__(
        self,
        files: Sequence[FileToRead],
        cuts: Cuts,
        wanted: Callable[[int], bool],
        known_rows: Mapping[int, int],
    ) -> None:
        self._files = files
        self._cuts = cuts
        self._wanted = wanted
        self._known_rows = known_rows
        self._looked_at = 0
        self._read: dict[int, Rows] = {}

    def rows_of(self, index: int, place: int) -> Rows | None:
        """Return all rows of a file, or None if it is to be read by itself.

        Args:
            index: Its position among the files; must increase from call to call.
            place: Place of its first row in the extract.
        """
        if index >= self._looked_at:
            together = self._from(index, place)
            self._looked_at = index + max(1, len(together))
            self._read = self._read_whole(index, together) if len(together) > 1 else {}
        return self._read.pop(index, None)

    def _from(self, index: int, place: int) -> list[Table]:
        """Return the small files from an index on that may be read together, opened."""
        first = self._files[index]
        tables: list[Table] = []
        at: int | None = place
        size_bytes = rows = 0
        for each in self._files[index : index + _MOST_FILES]:
            known = self._known_rows.get(each.file.number, each.file.rows)
            size_bytes += each.file.size_bytes
            rows += known or 0
            if not _is_small(each.file) or each.columns != first.columns:
                break
            if size_bytes > MOST_BYTES or rows > self._cuts.read_rows:
                break
            # If earlier rows are not counted yet, the file is read: most often it is needed.
            is_wanted = at is None or known is None or self._cut(each, at).any_wanted(known)
            if not is_wanted:
                break
            try:
                tables.append(each.open())
            except ExtractError:
                break  # the fault is reported when the file is reached
            at = None if at is None or known is None else at + known
        return tables

    def _cut(self, file: FileToRead, place: int) -> FileCut:
        return FileCut(file.columns, self._cuts, place, self._wanted)

    def _read_whole(self, index: int, tables: Sequence[Table]) -> dict[int, Rows]:
        read = tables[0].read_whole(tables[1:], self._files[index].columns)
        return {index + number: rows for number, rows in enumerate(read) if rows is not None}


def _is_small(file: SourceFile) -> bool:
    return file.size_bytes <= SMALL_FILE_BYTES and not isinstance(file, S3File)


def pieces_of(file: int, rows: Rows, cut: FileCut) -> Generator[Piece, None, int]:
    """Divide all rows of a file into the wanted pieces; return the number of rows.

    Args:
        file: Number of the file.
        rows: All its rows, at least one.
        cut: The wanted part of the file, and its division.
    """
    start, height = 0, rows.frame.height
    while start < height:
        end = min(height, cut.slice_end(start))
        if cut.is_wanted(start):
            part = rows.part(start, end - start)
            yield Piece(file, start, part.frame, last_of_file=end == height, bad=part.bad)
        start = end
    return height
