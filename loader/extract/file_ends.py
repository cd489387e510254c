"""Which files of an extract were read to their end, and how many rows their formats vouch for.

That a reader stopped does not mean that the file was read: a fault of a library may stop it as well. A file
counts as read only if its reader said that the end was reached, and if as many rows were counted as lie
before that end: the row count of a Parquet footer, the rows before the end of a text.
"""

from collections.abc import Mapping, Sequence

from loader.errors import UnhandledCase
from loader.model import SourceFile


class FileEnds:
    """The ends that were reached so far. Written by the planning thread, read by any.

    Args:
        files: The files of the extract, in order.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._rows: dict[int, int] = {}

    def reached(self, file: int, rows: int) -> None:
        """Note that a file was read to its end.

        Args:
            file: Number of the file.
            rows: The rows it has.
        """
        self._rows[file] = rows

    @property
    def rows_expected(self) -> int | None:
        """The rows of all files, or None while the rows of some file are not known."""
        known = [self._rows.get(file.number, file.rows) for file in self._files]
        return None if None in known else sum(rows for rows in known if rows is not None)

    def files_read_whole(self, rows_read: Mapping[int, int]) -> int:
        """Return how many files were read to their end with every row counted.

        Args:
            rows_read: The rows that were counted, by file number.
        """
        return sum(self._is_whole(file, rows_read.get(file.number, 0)) for file in self._files)

    def check(self, rows_read: Mapping[int, int]) -> None:
        """Refuse counts of an extract that was not read to its end.

        Args:
            rows_read: The rows that were counted, by file number.

        Raises:
            UnhandledCase: A file was not read to its end.
        """
        for file in self._files:
            if not self._is_whole(file, rows_read.get(file.number, 0)):
                raise UnhandledCase(
                    "A file of the extract was not read to its end: this is a bug in scn-loader.",
                    where=file.path,
                    why=f"{rows_read.get(file.number, 0):,} rows were read",
                    next_step="report it, with what the same command prints with --debug",
                )

    def _is_whole(self, file: SourceFile, rows_read: int) -> bool:
        rows = self._rows.get(file.number)
        return rows == rows_read and file.rows in (None, rows)
