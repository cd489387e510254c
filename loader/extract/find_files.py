"""Find the files that an extract names, and what each of them is."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loader.errors import ExtractError, NothingToLoad
from loader.formats.parquet.source import ParquetSource
from loader.model import SourceFile
from loader.sources.compression import DAMAGED
from loader.sources.file_format import format_of
from loader.sources.files import fingerprint_of, unreadable
from loader.sources.local_paths import S3_SCHEME, check_name, local_files, unlisted
from loader.sources.s3_client import S3Client
from loader.sources.s3_objects import HEAD_PART_BYTES, S3File, S3Object, find_objects


def find_files(
    patterns: Sequence[str], *, named_format: str = "auto", s3: S3Client | None = None
) -> tuple[SourceFile, ...]:
    """Return the files that ``patterns`` name: files, globs, folders, or lists of them.

    Args:
        patterns: What the user named.
        named_format: What the user says the files are, or ``auto``.
        s3: Asks S3; a client with the user's defaults if not given.

    Raises:
        NothingToLoad: A pattern matches no file, or every file is empty.
        ExtractError: A file cannot be read, is of no format that is read, or is empty beside others.
    """
    s3 = s3 or S3Client(None, None)
    places = list(dict.fromkeys(place for pattern in unlisted(patterns) for place in _places(pattern, s3)))
    if not places:
        raise NothingToLoad(
            "No extract was named.", next_step="Name a Parquet, CSV or NDJSON file, a folder or a glob."
        )
    _refuse_empty(places)
    seen: Counter[str] = Counter()
    files: list[SourceFile] = []
    for number, place in enumerate(places):
        if isinstance(place, S3Object):
            file = _object_file(number, place, seen, named_format)
        else:
            file = _source_file(number, place, seen, named_format)
        seen[file.fingerprint] += 1
        files.append(file)
    return tuple(files)


def _places(pattern: str, s3: S3Client) -> Sequence[Path | S3Object]:
    return find_objects(pattern, s3) if pattern.startswith(S3_SCHEME) else local_files(pattern)


def _refuse_empty(places: Sequence[Path | S3Object]) -> None:
    empty = [str(place) for place in places if _size_bytes(place) == 0]
    if not empty:
        return
    where = ", ".join(empty[:5]) + (" ..." if len(empty) > len(empty[:5]) else "")
    if len(empty) == len(places):
        raise NothingToLoad("The extract is empty.", where=where, why="the files have no bytes at all")
    raise ExtractError(
        "A file of the extract is empty.",
        where=where,
        why="it has no bytes at all, not even a header",
        next_step="Export it again, or leave it out.",
    )


def _size_bytes(place: Path | S3Object) -> int:
    if isinstance(place, S3Object):
        return place.size_bytes
    try:
        return place.stat().st_size
    except OSError as error:
        raise unreadable(place, error) from error


def _source_file(number: int, path: Path, seen: Counter[str], named_format: str) -> SourceFile:
    check_name(str(path))
    try:
        if not path.is_file():
            raise ExtractError("An extract must be a regular file.", where=str(path))
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
            next_step="Wait until it is complete, then run the same command again.",
        )
    return SourceFile(
        number=number,
        path=str(path),
        format=file_format,
        size_bytes=after.st_size,
        modified_ns=after.st_mtime_ns,
        fingerprint=fingerprint,
        copy=seen[fingerprint],
        rows=ParquetSource(str(path), after.st_size).rows if file_format == "parquet" else None,
    )


def _object_file(number: int, found: S3Object, seen: Counter[str], named_format: str) -> SourceFile:
    try:
        with found.open(HEAD_PART_BYTES) as handle:
            file_format = format_of(str(found), handle, named_format)
    except (OSError, *DAMAGED) as error:
        raise unreadable(str(found), error) from error
    cloud = found.client.cloud_access(found.bucket) if file_format == "parquet" else None
    return S3File(
        number=number,
        path=str(found),
        format=file_format,
        size_bytes=found.size_bytes,
        modified_ns=found.modified_ns,
        fingerprint=found.fingerprint,
        copy=seen[found.fingerprint],
        rows=ParquetSource(str(found), found.size_bytes, cloud).rows if cloud else None,
        object=found,
    )
