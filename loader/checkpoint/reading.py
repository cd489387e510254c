"""Read a checkpoint in any state, without a change to its files."""

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import orjson

from loader.checkpoint.connections import BUSY_SECONDS, connect_reader
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.plan import Plan
from loader.checkpoint.schema import APPLICATION_ID, FORMAT_VERSION, create_tables
from loader.errors import CheckpointCorrupt, CheckpointError
from loader.model import SourceFile
from loader.private_files import check_files, with_sidecars

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)
"""SQLite's result codes for damaged content. SQLITE_ERROR means here that a table is missing."""

_COMMENT = re.compile(r"--[^\n]*")
"""A comment in the definition of a table. No definition has ``--`` in a string."""

WAL_HEADER_BYTES = 32
"""Size in bytes of a write-ahead log without a frame (SQLite file format, 4.1). A run can be killed between
the header and the first frame. SQLite cannot open such a log with ``readonly_shm``: it retries and then
fails."""


def check_load_exists(run_dir: Path, name: str = CHECKPOINT_NAME) -> None:
    """Refuse a place that has no checkpoint.

    Raises:
        CheckpointError: It has none.
    """
    if not os.path.lexists(run_dir / name):
        raise CheckpointError(
            "The run directory does not hold a load.",
            where=str(run_dir),
            next_step="name the run directory of a load: its summary shows it as 'run dir'",
        )


@contextmanager
def open_for_reading(
    run_dir: Path, *, alive: bool, name: str = CHECKPOINT_NAME
) -> Iterator[sqlite3.Connection]:
    """Open the checkpoint of a run directory. All queries read the state of the same moment.

    Args:
        run_dir: Run directory with a checkpoint.
        alive: Whether a process is writing it now.
        name: Name of the checkpoint file. The checkpoints of earlier loads have other names.

    Raises:
        CheckpointCorrupt: The file is damaged, or is not a checkpoint of this loader.
        CheckpointError: The file does not exist, cannot be read, or was written by another version of the
            loader.
    """
    check_load_exists(run_dir, name)
    path = run_dir / name
    with reading_errors(path):
        check_files(with_sidecars(path))  # opening a FIFO would wait for its writer
    with reading_errors(path), ExitStack() as scratch:
        address = _address(path, scratch, alive=alive)
        # Rejected rows are read by the thread that writes them to a file. This thread waits meanwhile.
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        with closing(connection):
            connection.execute("BEGIN")
            _check_kind(connection, path)
            yield connection


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Convert errors of SQLite and of the system about a checkpoint into errors for users.

    Raises:
        CheckpointCorrupt: The content is damaged.
        CheckpointError: The file cannot be read.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a bug, for example a query on a closed connection
    except sqlite3.Error as error:
        # Python's binding raises an error without a code for text that is not UTF-8.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in DAMAGE:
            raise corrupt(path, str(error)) from error
        raise _unreadable(path, str(error)) from error
    except (UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise corrupt(path, "a text in it cannot be read") from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Read a whole checkpoint, and check that no part of it is missing, truncated or garbled.

    Raises:
        CheckpointCorrupt: It is damaged.
    """
    if not _tables_as_created() <= _tables(connection):
        raise corrupt(path, "its tables differ from the ones that were created")
    # A quick check omits indexes. Only `events` has one; it is small, because it has no accepted events.
    for check in ("quick_check(1)", "integrity_check(events)"):
        (verdict,) = connection.execute(f"PRAGMA {check}").fetchone()
        if verdict != "ok":
            raise corrupt(path, " ".join(verdict.split()))


def _tables_as_created() -> set[tuple[str, str]]:
    """Return name and definition of each table, index and view of a new checkpoint, without comments."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        return _tables(connection)


def _tables(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    stored = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, " ".join(_COMMENT.sub("", definition).split())) for name, definition in stored}


def read_plan(connection: sqlite3.Connection) -> tuple[str, float, Plan]:
    """Return id, start (epoch seconds) and stored plan of the load."""
    load = connection.execute(
        "SELECT id, created_at, settings, command, window_rows, slice_rows FROM load"
    ).fetchone()
    if load is None:
        raise sqlite3.DatabaseError("it contains no plan")
    load_id, created_at, settings, command, window_rows, slice_rows = load
    rows = connection.execute(
        "SELECT number, path, format, size_bytes, modified_ns, fingerprint, copy, rows, changed_ns, inode,"
        " rows_before FROM files ORDER BY number"
    ).fetchall()
    files = [SourceFile(*row) for row in rows]
    kept = connection.execute("SELECT settings FROM connection").fetchone()
    reached = orjson.loads(kept[0]) if kept else {}
    plan = Plan(orjson.loads(settings), files, window_rows, slice_rows, command, reached)
    return load_id, created_at, plan


def read_load_id(path: Path) -> str | None:
    """Return the id of the load of a checkpoint that a process may be writing, or None.

    It is None for a checkpoint without a plan, and for one of another version of the loader.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    with closing(connect_reader(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        found = connection.execute("SELECT id FROM load").fetchone() if version == FORMAT_VERSION else None
        return None if found is None else str(found[0])


def corrupt(path: Path, why: str) -> CheckpointCorrupt:
    """Return the error for a damaged checkpoint."""
    return CheckpointCorrupt(
        "The checkpoint is damaged; nothing in it was changed.",
        where=str(path),
        why=why,
        next_step="restore a copy of the run directory, or start over with --restart: "
        "the damaged file is kept under another name, and the events that were accepted are sent again",
    )


def _address(path: Path, scratch: ExitStack, *, alive: bool) -> str:
    """Return the URI with which SQLite opens the file. Each of them gives the same content."""
    if alive:
        # While a process writes, a reader must use its locks to get a consistent state.
        return f"{path.absolute().as_uri()}?mode=ro"
    log, shared, journal = (Path(f"{path}-{suffix}") for suffix in ("wal", "shm", "journal"))
    has_journal = _size(journal) > 0
    if not has_journal and _size(log) <= WAL_HEADER_BYTES:
        return f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    if shared.exists() and not has_journal:
        # The log of a killed run is read in place. SQLite indexes it in its own memory and writes nothing.
        return f"{path.absolute().as_uri()}?mode=ro&readonly_shm=1"
    # If the index of the log is missing, or a journal shows an incomplete change, SQLite must write. It
    # writes to a copy.
    try:
        copies = Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="scn-loader-")))
        for part in (path, log, journal):
            if part.exists():
                shutil.copyfile(part, copies / part.name)
    except OSError as error:
        raise CheckpointError(
            "The checkpoint cannot be copied. Only a copy can be read after this run was killed.",
            where=str(path),
            why=f"TMPDIR: {error.strerror or error}",
            next_step="set TMPDIR to a folder with enough space for the checkpoint",
        ) from error
    return (copies / path.name).as_uri()


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID or version < 1:
        raise corrupt(path, "it is not a checkpoint of this loader")
    if version != FORMAT_VERSION:
        age = "A newer" if version > FORMAT_VERSION else "An older"
        raise CheckpointError(
            f"{age} version of the loader wrote this checkpoint.",
            where=str(path),
            why=f"it has format {version}; this version of the loader reads format {FORMAT_VERSION}",
            next_step="use that version, or another --run-dir",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unreadable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        "The checkpoint cannot be read.",
        where=str(path),
        why=why,
        next_step="make it readable, or name another --run-dir",
    )
