"""Archives: the rows of finished windows, copied to S3 once.

Rules kept here:

1. An archive is written once and never changed. Its name contains its digest and the id of its writer, so two
   writers never write the same object.
2. An archive is made of the windows that finished since the last one, when these are large enough. The more a
   load has archived, the larger its archives become: their number stays small, and so does the head.
3. An archive that no list refers to has no effect. It is left by a killed or refused writer, by
   ``--restart``, or by windows that got another answer. The holder of the lease removes it.
4. Only objects are removed that were listed before the last head of this writer was accepted. Another runner
   writes its archives after that head, so a writer that was suspended never removes them.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from loader.atomic import make_private_file
from loader.remote.copies.archived import (
    ARCHIVED_TABLE,
    ARCHIVES_FOLDER,
    SAME_ANSWERS,
    WHOLLY_ARCHIVED,
    Archive,
    ArchiveList,
)
from loader.remote.copies.files import in_planes, open_scratch, pack, read_only
from loader.remote.objects import Objects
from loader.remote.pace import USUAL_SIZES, ArchiveSizes

_SIZE = "events * 24 + 128"
"""SQL: about the size of an archived window in bytes. An event has its receipt and its place in a slice."""

_REMOVALS_AT_ONCE = 8

FINISHED = f"""
FROM source.windows AS windows WHERE finished_at IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM known.archived AS archived WHERE {SAME_ANSWERS})"""  # noqa: S608 - constants
"""SQL: the windows to archive. The checkpoint is attached as ``source``, the list as ``known``."""


def bring_archives_up(
    objects: Objects,
    folder: str,
    checkpoint: Path,
    archives: ArchiveList,
    *,
    writer: str,
    sizes: ArchiveSizes = USUAL_SIZES,
) -> None:
    """Archive the windows that finished since the last archive, if these are large enough.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        checkpoint: The checkpoint; a process may be writing it.
        archives: The list of the part; it is updated.
        writer: Id of this process.
        sizes: When an archive is made.

    Raises:
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses.
        OSError: The disk refuses.
        sqlite3.Error: The checkpoint cannot be read.
    """
    for first, last in _ranges(checkpoint, archives.path, sizes):
        with _part(checkpoint, archives.path, first, last) as (plain, packed):
            digest = _digest(packed)
            number = archives.next_number
            _, _, process = writer.rpartition("-")
            name = f"{ARCHIVES_FOLDER}{number:06d}-{digest[:32]}-{process}.sqlite.zst"
            with packed.open("rb") as file:
                objects.put(folder + name, file)
            archives.add(Archive(number, name, digest), plain)


def remove_archives(objects: Objects, folder: str, names: Iterable[str]) -> None:
    """Remove archives of a part.

    Raises:
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses.
    """
    with ThreadPoolExecutor(_REMOVALS_AT_ONCE) as threads:
        list(threads.map(lambda name: objects.remove(folder + name), names))


def _ranges(checkpoint: Path, known: Path, sizes: ArchiveSizes) -> list[tuple[int, int]]:
    """Return the first and the last window of each archive to make, in order."""
    with _scratch(":memory:", checkpoint, known) as connection:
        finished = connection.execute(f"SELECT number, {_SIZE} {FINISHED} ORDER BY number").fetchall()
        ((archived_bytes,),) = connection.execute(
            f"SELECT coalesce(sum({_SIZE}), 0) FROM known.archived"  # noqa: S608 - constants
        )
    ranges: list[tuple[int, int]] = []
    taken: list[int] = []
    taken_bytes = 0
    for number, size in finished:
        taken.append(number)
        taken_bytes += size
        if taken_bytes >= sizes.enough(archived_bytes):
            ranges.append((taken[0], number))
            archived_bytes += taken_bytes
            taken, taken_bytes = [], 0
    return ranges


@contextmanager
def _part(checkpoint: Path, known: Path, first: int, last: int) -> Iterator[tuple[Path, Path]]:
    """Write the finished windows of a range to a new file of SQLite; yield it, and its compressed form."""
    plain = known.with_name(f"{known.name}-part")
    packed = known.with_name(f"{known.name}-packed")
    try:
        for left in (plain, packed):  # files of a killed process
            left.unlink(missing_ok=True)
        make_private_file(plain)
        with _scratch(plain, checkpoint, known) as connection:
            connection.execute("BEGIN")
            connection.execute(f"CREATE TABLE {ARCHIVED_TABLE}")
            connection.execute(
                "INSERT INTO main.archived SELECT number, 0, events, slices, accepted, finished_at"
                f" {FINISHED} AND number BETWEEN ? AND ?",
                (first, last),
            )
            for table in WHOLLY_ARCHIVED:
                ((definition,),) = connection.execute(
                    "SELECT sql FROM source.sqlite_master WHERE name = ?", (table,)
                )
                connection.execute(definition)
                connection.execute(
                    f"INSERT INTO main.{table} SELECT * FROM source.{table}"  # noqa: S608 - constants
                    " WHERE window IN (SELECT window FROM main.archived)"
                )
            connection.create_function("in_planes", 1, in_planes)
            connection.execute("UPDATE main.slices SET places = in_planes(places)")
            connection.execute("COMMIT")
        pack(plain, packed)
        yield plain, packed
    finally:
        for path in (plain, packed):
            path.unlink(missing_ok=True)


@contextmanager
def _scratch(path: Path | str, checkpoint: Path, known: Path) -> Iterator[sqlite3.Connection]:
    """Open a new file with a checkpoint and the list of its archives beside it, both read only."""
    with closing(open_scratch(path)) as connection:
        connection.execute("ATTACH ? AS source", (read_only(checkpoint),))
        connection.execute("ATTACH ? AS known", (read_only(known),))
        yield connection


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
