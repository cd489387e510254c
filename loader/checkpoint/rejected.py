"""Read the rejected rows of a load from its checkpoint."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loader.checkpoint.progress import read_known_rows
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.lock import look_without_locking


class RejectedRows:
    """The rejected rows of a load; made by ``open_rejected``.

    Attributes:
        plan: The stored plan of the load.
        has_all: Whether the whole extract was read, so that no row can be added.
        files: Numbers of the files with rejected rows, ascending.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        _, _, self.plan = read_plan(connection)
        self.has_all = len(read_known_rows(connection)) == len(self.plan.files)
        found = connection.execute("SELECT DISTINCT file FROM rejected ORDER BY file").fetchall()
        self.files: Sequence[int] = [file for (file,) in found]

    def rows(self, file: int) -> Iterator[int]:
        """Yield the positions of the rejected rows of a file, from 0, ascending."""
        found = self._connection.execute(
            "SELECT DISTINCT row FROM rejected WHERE file = ? ORDER BY row", (file,)
        )
        return (row for (row,) in found)

    def reasons(self) -> Iterator[tuple[int, int, str, str, str]]:
        """Yield file, row (from 0), column, code and reason of each rejected row, without its values."""
        yield from self._connection.execute(
            "SELECT file, row, column, code, reason FROM rejected ORDER BY file, row"
        )

    def left_out(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield the rows that must not be loaded again: none, because each rejected row can be corrected."""
        yield from ()


@contextmanager
def open_rejected(run_dir: Path) -> Iterator[RejectedRows]:
    """Open the rejected rows of a run directory. The checkpoint does not change.

    Raises:
        CheckpointError: The checkpoint cannot be read.
    """
    with (
        look_without_locking(run_dir) as pid,
        open_for_reading(run_dir, alive=pid is not None) as connection,
    ):
        yield RejectedRows(connection)
