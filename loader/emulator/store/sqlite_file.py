"""SQLite files that other processes of this user may read while the emulator writes them."""

import os
import sqlite3
from pathlib import Path

_IN_MEMORY = ":memory:"


def open_sqlite(path: Path | None) -> sqlite3.Connection:
    """Open an SQLite file for writing, creating it with mode 0600; in memory if ``path`` is None.

    The connection commits only on request and may be used by any thread, one at a time.

    Raises:
        OSError: The file cannot be created.
        sqlite3.DatabaseError: It is not an SQLite file.
    """
    if path is not None:
        # SQLite gives its -wal and -shm files the mode of the main file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    connection = sqlite3.connect(path or _IN_MEMORY, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
