"""Find the files of an extract, open them, and tell whether they are still the same.

Rules kept here:

1. A fingerprint is a function of the file's bytes alone, as they lie there: compressed ones too. Of a file
   larger than WHOLE_FILE_BYTES it is a sample, and the modification time becomes part of its identity.
   Objects in S3 have what S3 knows them by.
2. What is read is the text: a compressed file is unpacked on the way, and can only be read forward.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from loader.errors import ExtractError, NothingToLoad
from loader.sources.compression import DAMAGED, decompressed
from loader.sources.file_format import format_of
from loader.sources.local_paths import S3_SCHEME, check_name, local_files, unlisted
from loader.sources.s3_client import S3Client
from loader.sources.s3_objects import HEAD_PART_BYTES, S3File, S3Object, find_objects
from loader.formats.polars_readers import ParquetSource
from loader.model import WHOLE_FILE_BYTES, SourceFile

SAMPLE_BLOCKS = 64
SAMPLE_BLOCK_BYTES = 4 * 2**20
"""Of larger files, this many evenly spaced blocks are hashed, the head and the tail among them."""


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


def changed(before: SourceFile, now: SourceFile) -> str | None:
    """Return how ``now`` differs from ``before`` in words, or None if it is the same file.

    The place and, for files hashed whole, the modification time do not matter: the bytes do.
    """
    if before.format != now.format:
        return f"it was {before.format}, it is {now.format}"
    if before.size_bytes != now.size_bytes:
        return f"it had {before.size_bytes:,} bytes, it has {now.size_bytes:,}"
    if before.fingerprint != now.fingerprint:
        return "it has the same size but other content"
    if now.is_sampled and before.modified_ns != now.modified_ns:
        return f"it was last modified {_when(before.modified_ns)}, then again {_when(now.modified_ns)}"
    return None


def check_unchanged(file: SourceFile) -> None:
    """Refuse to go on with a file that changed since the load began: cheap enough for every window.

    Raises:
        ExtractError: Its size or modification time is another, or it is gone.
    """
    if isinstance(file, S3File):
        if file.format == "parquet":  # of text, every part is read only if the object is the same
            file.object.check_unchanged()
        return
    try:
        status = os.stat(file.path)  # noqa: PTH116 - called per window; a Path costs more than the call
    except OSError as error:
        raise _unreadable(file.path, error) from error
    if (status.st_size, status.st_mtime_ns) != (file.size_bytes, file.modified_ns):
        raise ExtractError(
            "A file of the extract changed while it was being read.",
            where=file.path,
            why=f"it had {file.size_bytes:,} bytes when the load began, it has {status.st_size:,} now"
            if status.st_size != file.size_bytes
            else f"it was last modified {_when(status.st_mtime_ns)}, after the load began",
            next_step="Load a copy that nobody writes to. What was sent so far is in the checkpoint.",
        )


@contextmanager
def opened(file: SourceFile | str) -> Iterator[BufferedReader]:
    """Open a file of the extract, or the file of a path, and read the text it holds.

    What is compressed can only be read forward: its ``seekable()`` is false.

    Raises:
        ExtractError: It cannot be opened or read, or its compressed text is damaged.
    """
    path = file if isinstance(file, str) else file.path
    try:
        with file.object.open() if isinstance(file, S3File) else Path(path).open("rb") as packed:
            yield decompressed(packed)
    except (OSError, *DAMAGED) as error:
        raise _unreadable(path, error) from error


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
        raise _unreadable(place, error) from error


def _source_file(number: int, path: Path, seen: Counter[str], named_format: str) -> SourceFile:
    check_name(str(path))
    try:
        if not path.is_file():
            raise ExtractError("An extract must be a regular file.", where=str(path))
        with path.open("rb") as handle:
            before = os.fstat(handle.fileno())
            file_format = format_of(str(path), handle, named_format)
            fingerprint = _fingerprint(handle, before.st_size)
            after = os.fstat(handle.fileno())
    except (OSError, *DAMAGED) as error:
        raise _unreadable(path, error) from error
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
        raise _unreadable(str(found), error) from error
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


def _fingerprint(handle: BufferedReader, size_bytes: int) -> str:
    handle.seek(0)
    if size_bytes <= WHOLE_FILE_BYTES:
        return hashlib.file_digest(handle, "sha256").hexdigest()
    digest = hashlib.sha256(b"sample of %d bytes:" % size_bytes)
    for offset in _sample_offsets(size_bytes):
        handle.seek(offset)
        digest.update(handle.read(SAMPLE_BLOCK_BYTES))
    return digest.hexdigest()


def _sample_offsets(size_bytes: int) -> Iterator[int]:
    last = size_bytes - SAMPLE_BLOCK_BYTES
    return (last * block // (SAMPLE_BLOCKS - 1) for block in range(SAMPLE_BLOCKS))


def _unreadable(path: Path | str, error: Exception) -> ExtractError:
    if isinstance(error, OSError) and error.strerror:
        return ExtractError("A file of the extract cannot be read.", where=str(path), why=error.strerror)
    return ExtractError(
        "A compressed file of the extract is damaged.",
        where=str(path),
        why=str(error),
        next_step="Copy or export it again.",
    )


def _when(modified_ns: int) -> str:
    return datetime.fromtimestamp(modified_ns / 1e9, UTC).isoformat(timespec="seconds")
