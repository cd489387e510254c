"""A table that counts more names than fit into memory.

SQLite's temporary database (the empty name): held in memory up to its cache, beyond that in a file that
only this user can read and that is gone when the connection closes, however the process ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from loader.errors import SettingsError

_CACHE_KIB = 32 * 1024
"""Groups and keys of about half a million rows; more go to the disk."""


@contextmanager
def spill() -> Iterator[sqlite3.Connection]:
    """Open a database that lives as long as the context.

    Raises:
        SettingsError: The disk for temporary files refused it.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            yield connection
    except sqlite3.Error as error:
        raise SettingsError(
            "Groups and keys could not be counted: the folder for temporary files refused it.",
            where="TMPDIR",
            why=str(error),
            next_step="point TMPDIR at a folder with room for the keys of the whole extract",
        ) from error
