"""Find the files of an extract, and the format of each."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from loader.errors import EmptyExtract, ExtractError, NothingToLoad
from loader.extract.side_by_side import side_by_side
from loader.model import SourceFile
from loader.sources import local_paths
from loader.sources.compression import DAMAGED
from loader.sources.file_format import format_of
from loader.sources.files import fingerprint_of, unreadable
from loader.sources.left_out import LeftOut
from loader.sources.local_paths import S3_SCHEME, check_name, local_files, unlisted
from loader.sources.s3 import finding as s3_finding
from loader.sources.s3.client import S3Client
from loader.sources.s3.finding import find_objects
from loader.sources.s3.objects import S3File, S3Object, object_at
from loader.sources.s3.ranged_reads import HEAD_PART_BYTES

Find = Callable[[str], Sequence[Path | S3Object]]
"""Returns the places of the files that match a pattern."""

SHOWN_MISSING = 5
"""Number of missing files that an error lists."""


def find_files(
    patterns: Sequence[str],
    *,
    named_format: str = "auto",
    s3: S3Client | None = None,
    left_out: LeftOut | None = None,
    delta_version: int | None = None,
) -> tuple[SourceFile, ...]:
    """Return the files that match ``patterns``. Their numbers of rows are not read.

    Args:
        patterns: The user's patterns: files, globs, folders, or lists of them.
        named_format: The user's format of the files, or ``auto``.
        s3: The S3 client; by default one with the user's configuration.
        left_out: Records files in the same places that are not part of the extract.
        delta_version: The version of a Delta table to read; default: the newest.

    Raises:
        NothingToLoad: No pattern matches a file, or every file is empty.
        ExtractError: A file cannot be read or has an unsupported format, or is missing or empty while others
            are not.
    """
    client, beside = s3 or S3Client(None, None), left_out or LeftOut()

    def find(pattern: str) -> Sequence[Path | S3Object]:
        if pattern.startswith(S3_SCHEME):
            return find_objects(pattern, client, beside)
        return local_files(pattern, beside, delta_version=delta_version)

    places = _all_places(list(unlisted(patterns)), find, beside)
    if not places:
        raise NothingToLoad(
            "No extract was given.", next_step="name a Parquet, CSV or NDJSON file, a folder or a glob"
        )
    _refuse_empty(places)

    return numbered(side_by_side(lambda place: _examine(place, named_format), places))


def file_at(path: str, named_format: str, s3: S3Client) -> SourceFile:
    """Return the file at the path of a file that an earlier load found: never a glob, and not a table.

    Args:
        path: An absolute path, or the ``s3://`` URL of an object.
        named_format: The user's format of the file, or ``auto``.
        s3: The S3 client.

    Raises:
        NothingToLoad: There is no such object.
        ExtractError: The file does not exist, cannot be read or has an unsupported format.
    """
    return _examine(object_at(path, s3) if path.startswith(S3_SCHEME) else Path(path), named_format)


def numbered(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files of an extract with their numbers, from 0, and the numbers of their copies."""
    seen: Counter[str] = Counter()
    found = []
    for number, file in enumerate(files):
        found.append(replace(file, number=number, copy=seen[file.fingerprint]))
        seen[file.fingerprint] += 1
    return tuple(found)


def _all_places(patterns: Sequence[str], find: Find, left_out: LeftOut) -> list[Path | S3Object]:
    """Return the places of the files, without duplicates."""
    places: dict[Path | S3Object, None] = {}
    missing: dict[str, NothingToLoad] = {}
    for pattern in patterns:
        try:
            places |= dict.fromkeys(find(pattern))
        except NothingToLoad as error:
            missing[pattern] = error
    if missing and not places:
        raise next(iter(missing.values()))
    named = [pattern for pattern in missing if not _is_open_ended(pattern)]
    if named:
        first = missing[named[0]]
        raise ExtractError(
            "A file of the extract is missing." if len(named) == 1 else "Files of the extract are missing.",
            where=", ".join(missing[name].where for name in named[:SHOWN_MISSING])
            + (" ..." if len(named) > SHOWN_MISSING else ""),
            why=f"{'it was' if len(named) == 1 else 'they were'} named together with files that exist",
            next_step=first.next_step,
        )
    for unmatched in missing.values():
        left_out.add_without_extract(unmatched.where)
    return list(places)


def _is_open_ended(pattern: str) -> bool:
    if pattern.startswith(S3_SCHEME):
        return s3_finding.is_open_ended(pattern)
    return local_paths.is_open_ended(pattern)


def _refuse_empty(places: Sequence[Path | S3Object]) -> None:
    empty = [str(place) for place in places if _size_bytes(place) == 0]
    if not empty:
        return
    where = ", ".join(empty[:5]) + (" ..." if len(empty) > len(empty[:5]) else "")
    if len(empty) == len(places):
        raise EmptyExtract(
            "The extract is empty.",
            where=where,
            why="the files have 0 bytes",
            next_step="check whether its export has ended",
        )
    raise ExtractError(
        "A file of the extract is empty.",
        where=where,
        why="it has 0 bytes, not even a header",
        next_step="export it again, or leave it out",
    )


def _size_bytes(place: Path | S3Object) -> int:
    if isinstance(place, S3Object):
        return place.size_bytes
    try:
        about = place.stat()
    except OSError as error:
        raise unreadable(place, error) from error
    if not stat.S_ISREG(about.st_mode):
        raise _not_regular(place)
    return about.st_size


def _not_regular(path: Path) -> ExtractError:
    return ExtractError(
        "An extract must be a regular file.",
        where=str(path),
        why="a pipe or device can be read only once",
        next_step="send its text to standard input, and name - instead of the file",
    )


def _examine(place: Path | S3Object, named_format: str) -> SourceFile:
    if isinstance(place, S3Object):
        return _object_file(place, named_format)
    return _local_file(place, named_format)


def _local_file(path: Path, named_format: str) -> SourceFile:
    check_name(str(path))
    try:
        if not path.is_file():
            raise _not_regular(path)
        with path.open("rb") as handle:
            before = os.fstat(handle.fileno())
            file_format = format_of(str(path), handle, named_format)
            fingerprint = fingerprint_of(handle, before.st_size)
            after = os.fstat(handle.fileno())
    except (OSError, *DAMAGED) as error:
        raise unreadable(path, error) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ExtractError(
            "A file of the extract is still being written.",
            where=str(path),
            next_step="wait until it is complete, then run the same command again",
        )
    return SourceFile(
        number=0,
        path=str(path),
        format=file_format,
        size_bytes=after.st_size,
        modified_ns=after.st_mtime_ns,
        fingerprint=fingerprint,
        copy=0,
        rows=None,
        changed_ns=after.st_ctime_ns,
        inode=after.st_ino,
    )


def _object_file(found: S3Object, named_format: str) -> SourceFile:
    try:
        with found.open(HEAD_PART_BYTES) as handle:
            file_format = format_of(str(found), handle, named_format)
    except (OSError, *DAMAGED) as error:
        raise unreadable(str(found), error) from error
    return S3File(
        number=0,
        path=str(found),
        format=file_format,
        size_bytes=found.size_bytes,
        modified_ns=found.modified_ns,
        fingerprint=found.fingerprint,
        copy=0,
        rows=None,
        object=found,
    )
