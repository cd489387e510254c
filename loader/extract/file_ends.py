"""Track which files of an extract were read to their end, and how many rows their formats confirm.

A reader that stops has not necessarily read its file: a fault of a library may stop it too. A file counts as
read only if its reader reported the end, and if the number of rows read equals the number before that end:
the row count of a Parquet footer, or the rows before the end of a text.
"""

from collections.abc import Mapping, Sequence

from loader.errors import UnhandledCase
from loader.model import SourceFile


class FileEnds:
    """The ends reached so far. The planning thread writes them; any thread may read them.

    Args:
        files: The files of the extract, in order.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._rows: dict[int, int] = {}

    def reached(self, file: int, rows: int) -> None:
        """Record that a file was read to its end.

        Args:
            file: Number of the file.
            rows: Number of its rows.
        """
        self._rows[file] = rows

    @property
    def rows_expected(self) -> int | None:
        """The rows of all files, or None while the rows of some file are not known."""
        known = [self._rows.get(file.number, file.rows) for file in self._files]
        return None if None in known else sum(rows for rows in known if rows is not None)

    def files_read_whole(self, rows_read: Mapping[int, int]) -> int:
        """Return the number of files that were read to their end with every row counted.

        Args:
            rows_read: Number of rows read, by file number.
        """
        return sum(self._is_whole(file, rows_read.get(file.number, 0)) for file in self._files)

    def check(self, rows_read: Mapping[int, int]) -> None:
        """Raise if the extract was not read to its end.

        Args:
            rows_read: Number of rows read, by file number.

        Raises:
            UnhandledCase: A file was not read to its end.
        """
        for file in self._files:
            if not self._is_whole(file, rows_read.get(file.number, 0)):
                raise UnhandledCase(
                    "A file of the extract was not read to its end. This is a bug in scn-loader.",
                    where=file.path,
                    why=f"rows read: {rows_read.get(file.number, 0):,}",
                    next_step="report it with the output of the same command with --debug",
                )

    def _is_whole(self, file: SourceFile, rows_read: int) -> bool:
        rows = self._rows.get(file.number)
        return rows == rows_read and file.rows in (None, rows)
