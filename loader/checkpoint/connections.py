"""Connections to a checkpoint: one that writes durably, and readers."""

import sqlite3
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

BUSY_SECONDS = 10.0
"""Time that a write waits for another SQLite program that has the file locked for writing."""

WAL_PAGES = 1000
"""Pages (4 KiB each) after which the write-ahead log is copied into the main file: SQLite's default."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The open checkpoint file of a load.

    Attributes:
        path: The file.
        writes: The connection of the writer's thread.
        reads: A connection that reads the durable state at any time.
        held: Closes the connections and releases the run directory.
    """

    path: Path
    writes: sqlite3.Connection
    reads: sqlite3.Connection
    held: ExitStack

    def close(self, *, is_written: bool) -> None:
        """Close the file after its writer has ended, and release the run directory.

        Args:
            is_written: Whether everything was written, so that the file can be made a single one.
        """
        self.reads.close()
        if is_written:
            # If a reader has the file open, or the disk is full, the write-ahead log stays, and remains
            # valid.
            with suppress(sqlite3.Error):
                make_single_file(self.writes)
        self.held.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open a checkpoint for writing. A commit is on the disk when it returns.

    Raises:
        sqlite3.Error: The file cannot be opened, or the file system has no shared memory for a write-ahead
            log.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a checkpoint for reading while another connection writes it.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def make_single_file(connection: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the main file, so that a copy of this file has everything.

    Raises:
        sqlite3.Error: A process reads the file, or the disk is full. The write-ahead log then stays and
            remains valid.
    """
    connection.execute("PRAGMA busy_timeout = 1000")  # the end of a load must not wait long for this
    connection.execute("PRAGMA journal_mode = DELETE")


def _prepare(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"the file system has no shared memory (journal mode {mode})")
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS fsync alone leaves the data in the cache of the drive. Elsewhere this has no effect.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    # The log is truncated to this size after it has grown, for example while a status command had it open.
    connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * 4096}")
