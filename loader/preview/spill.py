"""A table that counts more names than fit into memory.

It is SQLite's temporary database (the empty name). SQLite holds it in memory up to its cache size, and the
rest in a file that only this user can read. The file disappears when the connection closes or the process
ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from loader.errors import SettingsError

_CACHE_KIB = 32 * 1024
"""Cache for the groups and keys of about half a million rows; the rest goes to the disk."""


@contextmanager
def spill() -> Iterator[sqlite3.Connection]:
    """Open a temporary database for the duration of the context.

    Raises:
        SettingsError: The folder for temporary files could not be used.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            yield connection
    except sqlite3.Error as error:
        raise SettingsError(
            "Groups and keys could not be counted: the folder for temporary files could not be used.",
            where="TMPDIR",
            why=str(error),
            next_step="set TMPDIR to a folder with room for the keys of the whole extract",
        ) from error
