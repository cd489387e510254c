"""Open the files of an extract, and detect changes of them.

Rules kept here:

1. A fingerprint is a function of the stored bytes alone (of a compressed file, the compressed bytes). If a
   file is larger than WHOLE_FILE_BYTES, its fingerprint covers a sample, and its modification time is part of
   its identity. During a load, the time of the last change (ctime) and the inode are compared as well,
   because programs cannot set them. The fingerprint of an object in S3 is made from its ETag, size and
   version.
2. Readers receive text: a compressed file is decompressed while it is read, and can only be read forward.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from loader.errors import ExtractError
from loader.model import WHOLE_FILE_BYTES, SourceFile
from loader.sources.compression import DAMAGED, decompressed
from loader.sources.s3.objects import S3File

SAMPLE_BLOCKS = 64
SAMPLE_BLOCK_BYTES = 4 * 2**20
"""The fingerprint of a larger file covers SAMPLE_BLOCKS evenly spaced blocks, which include the first and the
last bytes."""


def changed(before: SourceFile, now: SourceFile) -> str | None:
    """Return the difference between ``before`` and ``now`` as text, or None if it is the same file.

    The path is not compared. The modification time is compared only if the fingerprint covers a sample.
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
    """Raise an error if a file changed since the load began. The check is cheap enough for every window.

    Raises:
        ExtractError: Its size, modification time or content changed, or the file does not exist any more.
    """
    if isinstance(file, S3File):
        if file.format == "parquet":  # each request for a part of a text names the ETag
            file.object.check_unchanged()
        return
    try:
        status = os.stat(file.path)  # noqa: PTH116 - called per window; a Path costs more than the call
    except OSError as error:
        raise unreadable(file.path, error) from error
    if (status.st_size, status.st_mtime_ns) != (file.size_bytes, file.modified_ns):
        raise _changed_while_read(
            file,
            f"it had {file.size_bytes:,} bytes when the load began, it has {status.st_size:,} now"
            if status.st_size != file.size_bytes
            else f"it was last modified {_when(status.st_mtime_ns)}, after the load began",
        )
    touched = (status.st_ctime_ns, status.st_ino) != (file.changed_ns, file.inode)
    if touched and file.changed_ns and not _has_same_content(file, status.st_ctime_ns, status.st_ino):
        raise _changed_while_read(
            file,
            f"it changed {_when(status.st_ctime_ns)}, after the load began, although its size and "
            "modification time are as before",
        )


def is_unchanged(file: SourceFile) -> bool:
    """Return whether a file did not change since the load began."""
    try:
        check_unchanged(file)
    except ExtractError:
        return False
    return True


@lru_cache(maxsize=4096)
def _has_same_content(file: SourceFile, _changed_ns: int, _inode: int) -> bool:
    """Return whether a file whose owner, mode, links or path changed still has the same content.

    The unused arguments are part of the cache's key: a later change is checked again.
    """
    if file.is_sampled:
        return False  # the bytes between the samples may have changed
    try:
        with Path(file.path).open("rb") as handle:
            return fingerprint_of(handle, file.size_bytes) == file.fingerprint
    except OSError as error:
        raise unreadable(file.path, error) from error


def _changed_while_read(file: SourceFile, why: str) -> ExtractError:
    return ExtractError(
        "A file of the extract changed while it was being read.",
        where=file.path,
        why=why,
        next_step="load a copy that no program writes to; the checkpoint has the events sent so far",
    )


@contextmanager
def opened(file: SourceFile | str) -> Iterator[BufferedReader]:
    """Open a file of the extract, given as such or by its path, and return a reader of its text.

    Compressed text can only be read forward: ``seekable()`` of its reader is false.

    Raises:
        ExtractError: The file cannot be opened or read, or its compressed text is damaged.
    """
    path = file if isinstance(file, str) else file.path
    try:
        with file.object.open() if isinstance(file, S3File) else Path(path).open("rb") as packed:
            yield decompressed(packed)
    except (OSError, *DAMAGED) as error:
        raise unreadable(path, error) from error


def fingerprint_of(handle: BufferedReader, size_bytes: int) -> str:
    """Return the fingerprint of a file, in hexadecimal digits: a function of its bytes."""
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


def unreadable(path: Path | str, error: Exception) -> ExtractError:
    """Return the error for a file that cannot be opened, read or decompressed."""
    if isinstance(error, OSError) and error.strerror:
        return ExtractError(
            "A file of the extract cannot be read.",
            where=str(path),
            why=error.strerror,
            next_step="check the path and the permissions of the file",
        )
    return ExtractError(
        "A compressed file of the extract is damaged.",
        where=str(path),
        why=str(error),
        next_step="copy or export it again",
    )


def _when(modified_ns: int) -> str:
    return datetime.fromtimestamp(modified_ns / 1e9, UTC).isoformat(timespec="seconds")
