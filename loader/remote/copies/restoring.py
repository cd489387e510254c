"""Restore a checkpoint from its copy in S3: the head, and then the archives to which it refers.

Rules kept here:

1. The restored file has the content that the checkpoint had when the head was taken.
2. The content of an archive must have the digest that the head states, and each window the state.
3. If an archive is missing, the head is read again: its writer may have replaced it and removed the archive.
   If the head is the same, the copy is damaged.
"""

import errno
import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import drafting, make_private_file
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.schema import APPLICATION_ID, FORMAT_VERSION
from loader.errors import CheckpointCorrupt
from loader.private_files import make_private_folder, with_sidecars
from loader.remote.answers import Unreachable
from loader.remote.copies.archived import (
    ARCHIVE_LIST_NAME,
    WHOLLY_ARCHIVED,
    Archive,
    forget_list,
    make_list,
)
from loader.remote.copies.files import NOT_COMPRESSED, open_scratch, out_of_planes, read_only, unpack
from loader.remote.copies.heads import COPIED_AT, COPY_NAME, WITH_ARCHIVES
from loader.remote.objects import Objects, Stored

_ARCHIVES_AT_ONCE = 4
"""Archives that are read side by side. Each needs its size on the disk twice, compressed and not."""

_OF_THE_DISK = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN),
    *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY),
)
"""SQLite's result codes for faults of this machine. All others are damage of the copy."""

_SAME_WINDOWS = (
    "FROM main.archived AS here JOIN part.archived AS there USING (window, slices, accepted, finished_at)"
    " WHERE here.archive = ?"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored copy.

    Attributes:
        stored: The object with the head.
        copied_at: Time of the copy in epoch seconds of the service's clock.
    """

    stored: Stored
    copied_at: float


def restore_copy(objects: Objects, folder: str, into: Path) -> Restored:
    """Replace the checkpoint in a folder by the copy of a part.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        into: The folder of this machine. No process may be working in it.

    Raises:
        Unreachable: S3 gave no usable response, or the copy was replaced or removed meanwhile.
        CheckpointError: S3 refuses, or the copy is damaged.
        OSError: The disk refuses.
    """
    make_private_folder(into)
    path = into / CHECKPOINT_NAME
    with drafting(into / ARCHIVE_LIST_NAME) as known, drafting(path) as draft:
        where = f"{objects.address}/{folder}{COPY_NAME}"
        packed = draft.with_suffix(".packed")
        stored = _fetch(objects, folder + COPY_NAME, packed)
        if stored is None:
            raise Unreachable(f"{where} was removed while it was read")
        copied_at = _copied_at(stored, where)
        with _damage(where):
            unpack(packed, draft)
            packed.unlink()
            _fill(objects, folder, draft, stored.etag, known)
        # SQLite must not apply the log of the replaced file to the new file.
        for old in with_sidecars(path):
            old.unlink(missing_ok=True)
        forget_list(into)  # it must not describe the new file if this process is killed here
    return Restored(stored, copied_at)


def fetch_head(objects: Objects, folder: str, into: Path) -> Stored | None:
    """Write the head of a part as a checkpoint that lacks the rows in archives.

    It has the plan and the state of the load, and it is small.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        into: An empty folder of this process.

    Returns:
        The object with the head; None if the part has no copy.

    Raises:
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses, or the head is damaged.
        OSError: The disk refuses.
    """
    packed, path = into / COPY_NAME, into / CHECKPOINT_NAME
    stored = _fetch(objects, folder + COPY_NAME, packed)
    if stored is None:
        return None
    with _damage(f"{objects.address}/{folder}{COPY_NAME}"):
        unpack(packed, path)
        with closing(open_scratch(path)) as connection:
            if _version(connection) == FORMAT_VERSION + WITH_ARCHIVES:
                connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    return stored


def _fill(objects: Objects, folder: str, draft: Path, etag: str, known: Path) -> None:
    """Add the archived rows to an unpacked head, and write the list of its archives.

    Args:
        objects: The run directory.
        folder: The part's folder below the address.
        draft: The head; it becomes the checkpoint.
        etag: ETag of the head.
        known: A new file for the list.
    """
    with closing(open_scratch(draft)) as connection:
        version = _version(connection)
        if version not in {FORMAT_VERSION, FORMAT_VERSION + WITH_ARCHIVES}:
            make_list(known, "")
            return  # reading it gives the error for users
        (load_id,) = connection.execute("SELECT id FROM load").fetchone() or ("",)
        make_list(known, load_id)
        if version == FORMAT_VERSION:
            return
        archives = [Archive(*row) for row in connection.execute("SELECT number, name, sha256 FROM archives")]
        head = _UnfilledHead(objects, folder, etag, connection, draft.parent)
        with ThreadPoolExecutor(_ARCHIVES_AT_ONCE) as threads:
            list(threads.map(head.add_rows, archives))
        _move_list(connection, known)


def _version(connection: sqlite3.Connection) -> int:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is not a checkpoint of this loader")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


class _UnfilledHead:
    """A head to which the rows of archives are added, from several threads.

    Args:
        objects: The run directory.
        folder: The part's folder below the address.
        etag: ETag of the head.
        connection: The head.
        scratch: Folder for files.
    """

    def __init__(
        self, objects: Objects, folder: str, etag: str, connection: sqlite3.Connection, scratch: Path
    ) -> None:
        self._objects = objects
        self._folder = folder
        self._etag = etag
        self._connection = connection
        self._scratch = scratch
        self._lock = threading.Lock()

    def add_rows(self, archive: Archive) -> None:
        """Read an archive and add its rows.

        Raises:
            Unreachable: S3 gave no usable response, or the copy was replaced or removed meanwhile.
            CheckpointError: S3 refuses, or the copy is damaged.
            OSError: The disk refuses.
        """
        where = f"{self._objects.address}/{self._folder}{archive.name}"
        packed, plain = (self._scratch / f"{archive.number}.{suffix}" for suffix in ("packed", "plain"))
        if _fetch(self._objects, self._folder + archive.name, packed) is None:
            raise self._missing(where)
        with _damage(where):
            _unpack_archive(packed, archive.sha256, plain)
            with self._lock:
                _insert(self._connection, archive.number, plain)
        plain.unlink()

    def _missing(self, where: str) -> Unreachable | CheckpointCorrupt:
        head = self._objects.seen(self._folder + COPY_NAME)
        if head is None or head.etag != self._etag:
            return Unreachable(f"{where} was removed while it was read")
        return _damaged(where, "it is missing, and the head of the copy refers to it")


def _unpack_archive(packed: Path, sha256: str, plain: Path) -> None:
    """Replace a packed archive by a database with its rows in the form of a checkpoint."""
    with packed.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise sqlite3.DatabaseError("its content differs from what was written")
    unpack(packed, plain)
    packed.unlink()
    with closing(open_scratch(plain)) as rows:
        rows.create_function("out_of_planes", 1, out_of_planes)
        rows.execute("UPDATE slices SET places = out_of_planes(places)")


def _insert(connection: sqlite3.Connection, number: int, plain: Path) -> None:
    connection.execute("ATTACH ? AS part", (read_only(plain),))
    ((wanted,),) = connection.execute("SELECT count(*) FROM main.archived WHERE archive = ?", (number,))
    ((found,),) = connection.execute(f"SELECT count(*) {_SAME_WINDOWS}", (number,))
    if found != wanted:
        raise sqlite3.DatabaseError(f"{wanted - found} of its {wanted} windows are missing")
    connection.execute("BEGIN")
    for table in WHOLLY_ARCHIVED:
        connection.execute(
            f"INSERT INTO main.{table} SELECT * FROM part.{table}"  # noqa: S608 - constants
            f" WHERE window IN (SELECT window {_SAME_WINDOWS})",
            (number,),
        )
    connection.execute("COMMIT")
    connection.execute("DETACH part")


def _move_list(connection: sqlite3.Connection, known: Path) -> None:
    """Move the list of archives from a filled head to a file: the head is then a checkpoint."""
    connection.execute("ATTACH ? AS known", (known.absolute().as_uri(),))
    connection.execute("BEGIN")
    for table in ("archives", "archived"):
        connection.execute(f"INSERT INTO known.{table} SELECT * FROM main.{table}")  # noqa: S608 - constants
        connection.execute(f"DROP TABLE main.{table}")
    connection.execute(f"PRAGMA main.user_version = {FORMAT_VERSION}")
    connection.execute("COMMIT")
    connection.execute("DETACH known")


def _fetch(objects: Objects, name: str, into: Path) -> Stored | None:
    """Write an object to a new private file; return the facts about it, or None if it does not exist."""
    make_private_file(into)
    with into.open("r+b") as file:
        return objects.download(name, file)


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Convert errors about the content of an object.

    Raises:
        CheckpointCorrupt: It is damaged.
        OSError: The disk refuses.
    """
    try:
        yield
    except NOT_COMPRESSED as error:
        raise _damaged(where, str(error)) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in _OF_THE_DISK:
            raise OSError(errno.EIO, str(error)) from error
        raise _damaged(where, str(error)) from error


def _damaged(where: str, why: str) -> CheckpointCorrupt:
    return CheckpointCorrupt(
        "The copy of a checkpoint in S3 is damaged; nothing was changed.",
        where=where,
        why=why,
        next_step="restore an earlier version of the object, or start over with another --run-dir",
    )


def _copied_at(stored: Stored, where: str) -> float:
    try:
        return float(stored.metadata[COPIED_AT])
    except (KeyError, ValueError) as error:
        raise CheckpointCorrupt(
            "The copy of a checkpoint in S3 lacks the time of the copy; nothing was changed.",
            where=where,
            why=f"its metadata lacks a usable {COPIED_AT}",
            next_step="copy objects of a run directory with their metadata",
        ) from error
