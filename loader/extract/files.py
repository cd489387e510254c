"""Find the files of an extract, open them, and tell whether they are still the same.

Rules kept here:

1. A fingerprint is a function of the file's bytes alone, as they lie there: compressed ones too. Of a file
   larger than WHOLE_FILE_BYTES it is a sample, and the modification time becomes part of its identity.
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
from loader.extract.compression import DAMAGED, decompressed
from loader.extract.file_format import format_of
from loader.extract.places import local_files, unlisted
from loader.extract.scan import ParquetSource
from loader.model import WHOLE_FILE_BYTES, SourceFile

SAMPLE_BLOCKS = 64
SAMPLE_BLOCK_BYTES = 4 * 2**20
"""Of larger files, this many evenly spaced blocks are hashed, the head and the tail among them."""


def find_files(patterns: Sequence[str], *, named_format: str = "auto") -> tuple[SourceFile, ...]:
    """Return the files that ``patterns`` name: files, globs, folders, or lists of them.

    Args:
        patterns: What the user named.
        named_format: What the user says the files are, or ``auto``.

    Raises:
        NothingToLoad: A pattern matches no file, or every file is empty.
        ExtractError: A file cannot be read, is of no format that is read, or is empty beside others.
    """
    paths = list(dict.fromkeys(path for pattern in unlisted(patterns) for path in local_files(pattern)))
    if not paths:
        raise NothingToLoad(
            "No extract was named.", next_step="Name a Parquet, CSV or NDJSON file, a folder or a glob."
        )
    _refuse_empty(paths)
    seen: Counter[str] = Counter()
    files = []
    for number, path in enumerate(paths):
        file = _source_file(number, path, seen, named_format)
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
        with Path(path).open("rb") as packed:
            yield decompressed(packed)
    except (OSError, *DAMAGED) as error:
        raise _unreadable(path, error) from error


def _refuse_empty(paths: Sequence[Path]) -> None:
    empty = [str(path) for path in paths if _size_bytes(path) == 0]
    if not empty:
        return
    where = ", ".join(empty[:5]) + (" ..." if len(empty) > len(empty[:5]) else "")
    if len(empty) == len(paths):
        raise NothingToLoad("The extract is empty.", where=where, why="the files have no bytes at all")
    raise ExtractError(
        "A file of the extract is empty.",
        where=where,
        why="it has no bytes at all, not even a header",
        next_step="Export it again, or leave it out.",
    )


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _source_file(number: int, path: Path, seen: Counter[str], named_format: str) -> SourceFile:
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
