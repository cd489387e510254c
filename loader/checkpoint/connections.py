"""Connections to a checkpoint: one that writes durably, and readers beside it."""

import sqlite3
from pathlib import Path

BUSY_SECONDS = 10.0
"""How long a write waits for someone's SQLite tool that holds the file for writing."""

WAL_PAGES = 1000
"""Pages (of 4 KiB) after which the write-ahead log is copied into the main file: SQLite's own default."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a checkpoint for writing: every commit is on the disk when it returns.

    Raises:
        sqlite3.Error: SQLite refused, or the file system lacks what a write-ahead log needs.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a checkpoint for reading beside the one that writes it.

    Raises:
        sqlite3.Error: SQLite refused.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def stand_alone(connection: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the main file, so that copying the one file copies everything.

    Raises:
        sqlite3.Error: Someone reads the file, or the disk is full; the log then stays beside it, valid.
    """
    connection.execute("PRAGMA busy_timeout = 1000")  # nobody should wait long for this at the end
    connection.execute("PRAGMA journal_mode = DELETE")


def _prepare(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"the file system has no shared memory (journal mode {mode})")
    connection.execute("PRAGMA synchronous = FULL")
    # macOS: fsync alone leaves the data in the drive's cache. No effect elsewhere.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    # The log is cut back to this after a burst, such as a status command that held it open.
    connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * 4096}")
