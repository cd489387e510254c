"""The list of the archives of a part: which windows are in them, and as of when.

An *archive* is an object in S3 with rows of finished windows. These rows do not change unless a window gets
another answer. The *head* of a copy is the rest of the checkpoint, with the part of this list that is valid.

Rules kept here:

1. An archive stands for a window only while these are as they were archived: the number of its slices, the
   number of its accepted events, and the time of its last answer. A receipt changes the second one. A slice
   that was lost by damage changes the first one. Another checkpoint of the same load, such as a backup that
   was put back, has another time.
2. An archive is in the list only after S3 has acknowledged it. So a head never refers to an archive that may
   be missing.
3. The list belongs to one load. The next load in the same run directory begins with an empty list.
4. A lost list costs a second upload of the archived rows, and nothing else.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import make_private_file
from loader.private_files import with_sidecars
from loader.remote.copies.files import read_only

ARCHIVE_LIST_NAME = ".archived.sqlite"
"""File of a working copy with the list of a part."""

ARCHIVES_FOLDER = "archives/"
"""Folder of the archives below a part."""

WHOLLY_ARCHIVED = ("receipts", "odd_receipts", "slices", "slice_files")
"""The tables whose rows of finished windows are in archives. Each has the column ``window``."""

SAME_ANSWERS = (
    "archived.window = windows.number AND archived.slices = windows.slices"
    " AND archived.accepted = windows.accepted AND archived.finished_at = windows.finished_at"
)
"""SQL: whether a row of ``archived`` describes the present state of a row of ``windows``."""

ARCHIVES_TABLE = "archives (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)"
"""The table of archives, in the list and in a head."""

ARCHIVED_TABLE = (
    "archived (window INTEGER PRIMARY KEY, archive INTEGER NOT NULL, events INTEGER NOT NULL,"
    " slices INTEGER NOT NULL, accepted INTEGER NOT NULL, finished_at REAL NOT NULL)"
)
"""The table of archived windows, in the list, in a head and in an archive."""

_LIST = f"""
CREATE TABLE of_load (id TEXT NOT NULL);
CREATE TABLE {ARCHIVES_TABLE};
CREATE TABLE {ARCHIVED_TABLE};
"""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive in S3.

    Attributes:
        number: Its position in the list, from 1.
        name: Its name below the folder of the part.
        sha256: Hexadecimal SHA-256 of its content.
    """

    number: int
    name: str
    sha256: str


class ArchiveList:
    """The list of a part, open for changes; made by ``open_list``.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @property
    def next_number(self) -> int:
        """The number of the next archive."""
        ((number,),) = self._connection.execute("SELECT coalesce(max(number), 0) + 1 FROM archives")
        return int(number)

    def names(self) -> set[str]:
        """Return the names of all archives of the list."""
        return {name for (name,) in self._connection.execute("SELECT name FROM archives")}

    def add(self, archive: Archive, file: Path) -> None:
        """Add an archive that S3 has acknowledged. Archives whose windows are all in later ones are removed.

        Args:
            archive: The archive.
            file: Its content, as a file of SQLite.

        Raises:
            sqlite3.Error: The disk refuses, or the list is damaged.
        """
        connection = self._connection
        connection.execute("ATTACH ? AS part", (read_only(file),))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO archives VALUES (?, ?, ?)", (archive.number, archive.name, archive.sha256)
        )
        connection.execute(
            "INSERT OR REPLACE INTO main.archived"
            " SELECT window, ?, events, slices, accepted, finished_at FROM part.archived",
            (archive.number,),
        )
        connection.execute("DELETE FROM archives WHERE number NOT IN (SELECT archive FROM main.archived)")
        connection.execute("COMMIT")
        connection.execute("DETACH part")

    def forget_missing(self, there: Collection[str]) -> None:
        """Remove the archives that are not in S3 any more, so that their windows are archived again.

        Args:
            there: The names of the archives in S3, below the folder of the part.
        """
        missing = [(name,) for name in self.names() if name not in there]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("DELETE FROM archives WHERE name = ?", missing)
        self._connection.execute("DELETE FROM archived WHERE archive NOT IN (SELECT number FROM archives)")
        self._connection.execute("COMMIT")


@contextmanager
def open_list(folder: Path, load_id: str) -> Iterator[ArchiveList]:
    """Open the list of a part for changes. It is empty if it belongs to another load or cannot be read.

    Args:
        folder: The folder of the part on this machine.
        load_id: Id of the load.

    Raises:
        sqlite3.Error: The disk refuses.
        OSError: The disk refuses.
    """
    path = folder / ARCHIVE_LIST_NAME
    if _load_of(path) != load_id:
        forget_list(folder)
        make_list(path, load_id)
    with closing(sqlite3.connect(path.as_uri(), uri=True, isolation_level=None)) as connection:
        yield ArchiveList(path, connection)


def make_list(path: Path, load_id: str) -> None:
    """Create an empty list.

    Raises:
        sqlite3.Error: The disk refuses.
        OSError: The disk refuses.
    """
    make_private_file(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"BEGIN; {_LIST}")
        connection.execute("INSERT INTO of_load VALUES (?)", (load_id,))
        connection.execute("COMMIT")


def forget_list(folder: Path) -> None:
    """Remove the list of a part. The next copy archives everything again."""
    for path in with_sidecars(folder / ARCHIVE_LIST_NAME):
        path.unlink(missing_ok=True)


def _load_of(path: Path) -> str | None:
    """Return the id of the load of a list, or None if there is no list, or a damaged one."""
    if not path.is_file():
        return None
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        ((load_id,),) = connection.execute("SELECT id FROM of_load").fetchall()
        connection.execute("SELECT archived.*, archives.* FROM archived, archives LIMIT 0")
        return load_id if verdict == "ok" else None
    return None
