"""The head of a copy: the checkpoint without the rows that are in archives."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from loader.atomic import make_private_file
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.remote.copies.archived import ARCHIVED_TABLE, ARCHIVES_TABLE, SAME_ANSWERS, WHOLLY_ARCHIVED
from loader.remote.copies.files import open_scratch, pack, read_only

COPY_NAME = f"{CHECKPOINT_NAME}.zst"
"""Name of the head below the folder of a part."""

COPIED_AT = "copied-at"
"""Metadata of a head: the time at which it was taken, in epoch seconds of the checkpoint's clock."""

WITH_ARCHIVES = 1000
"""Added to the format version of a head that refers to archives. So earlier versions of the loader refuse it:
to them, it would be a checkpoint whose events have no receipts."""


def take_head(checkpoint: Path, into: Path, known: Path | None = None) -> int:
    """Write the head of a consistent copy of a checkpoint, compressed; return its size in bytes.

    All tables are read in one transaction. The writer continues meanwhile. Its later commits are not in the
    copy. Without archives, the head is the whole checkpoint.

    Args:
        checkpoint: The file; a process may be writing it.
        into: A new file.
        known: The list of the archives of its load, or None.

    Raises:
        OSError: The disk refuses.
        sqlite3.Error: The checkpoint cannot be read.
    """
    plain = into.with_name(f"{into.name}-plain")
    for left in (into, plain):  # files of a killed process
        left.unlink(missing_ok=True)
    try:
        make_private_file(plain)
        with closing(open_scratch(plain)) as connection:
            connection.execute("ATTACH ? AS source", (read_only(checkpoint),))
            if known is not None:
                connection.execute("ATTACH ? AS known", (read_only(known),))
            connection.execute("BEGIN")
            _copy(connection, has_list=known is not None)
            connection.execute("COMMIT")
        pack(plain, into)
    finally:
        plain.unlink(missing_ok=True)
    return into.stat().st_size


def _copy(connection: sqlite3.Connection, *, has_list: bool) -> None:
    has_archives = has_list and _list_archives(connection)
    for name, definition in _definitions(connection, "table"):
        connection.execute(definition)
        without = ""
        if has_archives and name in WHOLLY_ARCHIVED:
            without = " WHERE window NOT IN (SELECT window FROM main.archived)"
        connection.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"{without}')  # noqa: S608 - its own names
    for kind in ("index", "trigger", "view"):
        for _, definition in _definitions(connection, kind):
            connection.execute(definition)
    for pragma in ("application_id", "user_version"):
        (value,) = connection.execute(f"PRAGMA source.{pragma}").fetchone()
        value += WITH_ARCHIVES if has_archives and pragma == "user_version" else 0
        connection.execute(f"PRAGMA main.{pragma} = {value}")


def _list_archives(connection: sqlite3.Connection) -> bool:
    """Write the valid part of the list to the head; return whether there is any."""
    connection.execute(f"CREATE TABLE {ARCHIVES_TABLE}")
    connection.execute(f"CREATE TABLE {ARCHIVED_TABLE}")
    connection.execute(
        "INSERT INTO main.archived SELECT archived.* FROM known.archived AS archived"  # noqa: S608 - constants
        f" JOIN source.windows AS windows ON {SAME_ANSWERS}"
    )
    listed = connection.execute(
        "INSERT INTO main.archives SELECT * FROM known.archives"
        " WHERE number IN (SELECT archive FROM main.archived)"
    ).rowcount
    if not listed:
        connection.execute("DROP TABLE main.archives")
        connection.execute("DROP TABLE main.archived")
    return bool(listed)


def _definitions(connection: sqlite3.Connection, kind: str) -> Iterator[tuple[str, str]]:
    found = connection.execute(
        "SELECT name, sql FROM source.sqlite_master WHERE type = ? AND sql IS NOT NULL"
        " AND name NOT LIKE 'sqlite^_%' ESCAPE '^'",
        (kind,),
    )
    yield from found.fetchall()
