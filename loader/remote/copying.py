"""Copies of a checkpoint: taken during writes, compressed, and restored on another machine."""

import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import drafting, make_private_file
from loader.checkpoint.connections import connect_reader
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.schema import APPLICATION_ID
from loader.errors import CheckpointCorrupt
from loader.private_files import make_private_folder, with_sidecars
from loader.remote.answers import Unreachable
from loader.remote.objects import Objects, Stored

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COPY_NAME = f"{CHECKPOINT_NAME}.zst"

COPIED_AT = "copied-at"
"""Metadata of a copy: the time at which it was taken, in epoch seconds of the checkpoint's clock."""

BLOCK_BYTES = 2**20

LEVEL = 1
"""The fastest level. Receipts and tokens are random, so no level compresses them."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored copy.

    Attributes:
        stored: The object with the copy.
        copied_at: Time of the copy in epoch seconds of the service's clock.
    """

    stored: Stored
    copied_at: float


def take_copy(checkpoint: Path, into: Path) -> int:
    """Write a consistent copy of a checkpoint, compressed; return its size in bytes.

    One step of SQLite's backup reads a snapshot. The writer continues meanwhile. Its later commits are not in
    the copy.

    Args:
        checkpoint: The file; a process may be writing it.
        into: A new file.

    Raises:
        OSError: The disk refuses.
        sqlite3.Error: The checkpoint cannot be read.
    """
    plain = into.with_name(f"{into.name}-plain")
    for left in (into, plain):  # files of a killed process
        left.unlink(missing_ok=True)
    try:
        make_private_file(plain)
        with closing(connect_reader(checkpoint)) as source, closing(_unsafe(plain)) as copy:
            source.backup(copy, pages=-1)
            copy.execute(
                "PRAGMA journal_mode = DELETE"
            )  # otherwise a reader of the copy needs a log beside it
        make_private_file(into)
        with (
            plain.open("rb") as content,
            into.open("wb") as file,
            zstd.open(file, "wb", level=LEVEL) as packed,
        ):
            shutil.copyfileobj(content, packed, BLOCK_BYTES)
    finally:
        plain.unlink(missing_ok=True)
    return into.stat().st_size


def restore_copy(objects: Objects, folder: str, into: Path) -> Restored:
    """Replace the checkpoint in a folder by the copy of a part.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        into: The folder of this machine. No process may be working in it.

    Raises:
        Unreachable: S3 gave no usable response, or the copy was removed meanwhile.
        CheckpointError: S3 refuses, or the copy is damaged.
        OSError: The disk refuses.
    """
    make_private_folder(into)
    path = into / CHECKPOINT_NAME
    with drafting(path) as draft:
        packed = draft.with_suffix(".packed")
        make_private_file(packed)
        with packed.open("r+b") as file:
            stored = objects.download(folder + COPY_NAME, file)
        where = f"{objects.address}/{folder}{COPY_NAME}"
        if stored is None:
            raise Unreachable(f"{where} was removed while it was read")
        copied_at = _copied_at(stored, where)
        make_private_file(draft)
        _unpack(packed, draft, where)
        packed.unlink()
        # SQLite must not apply the log of the replaced file to the new file.
        for old in with_sidecars(path):
            old.unlink(missing_ok=True)
    return Restored(stored, copied_at)


def _unpack(packed: Path, into: Path, where: str) -> None:
    try:
        with zstd.open(packed, "rb") as content, into.open("wb") as file:
            shutil.copyfileobj(content, file, BLOCK_BYTES)
        _check_kind(into)
    except (zstd.ZstdError, EOFError, sqlite3.DatabaseError) as error:
        raise CheckpointCorrupt(
            "The copy of a checkpoint in S3 is damaged; nothing was changed.",
            where=where,
            why=str(error),
            next_step="restore an earlier version of the object, or start over with another --run-dir",
        ) from error


def _check_kind(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is not a checkpoint of this loader")


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


def _unsafe(path: Path) -> sqlite3.Connection:
    """Open a file without protection against a crash: an incomplete copy is never used."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    return connection
