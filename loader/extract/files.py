"""Find the files of an extract, and tell whether they are still the same.

Rules kept here:

1. The order of files is the order in which they were named; inside a folder or glob, by name.
2. A fingerprint is a function of the bytes alone, the same on every machine. Of a file larger than
   WHOLE_FILE_BYTES it is a sample, and the modification time becomes part of the file's identity.
"""

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from loader.errors import ExtractError, NothingToLoad
from loader.extract.scan import ParquetSource
from loader.model import WHOLE_FILE_BYTES, SourceFile

SAMPLE_BLOCKS = 64
SAMPLE_BLOCK_BYTES = 4 * 2**20
"""Of larger files, this many evenly spaced blocks are hashed, the head and the tail among them."""

FOLDER_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet")
"""What a folder is searched for (any case). Files with other names are named one by one or by glob."""

PARQUET_MAGIC = b"PAR1"

# The first bytes of what people hand over by mistake, and what to do about it.
WRONG_MAGICS = {
    b"PARE": "it is an encrypted Parquet file, which cannot be read",
    b"\x1f\x8b": "it is compressed with gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd; unpack it first",
    b"BZh": "it is compressed with bzip2; unpack it first",
    b"PK\x03\x04": "it is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "it is an Excel workbook; save the sheet as CSV",
    b"ORC": "it is an ORC file; only Parquet and CSV are read",
    b"Obj\x01": "it is an Avro file; only Parquet and CSV are read",
}


def find_files(patterns: Sequence[str]) -> tuple[SourceFile, ...]:
    """Return the files that ``patterns`` name: files, globs, or folders with Parquet and CSV files.

    Raises:
        NothingToLoad: A pattern matches no file, or every file is empty.
        ExtractError: A file cannot be read, is neither Parquet nor CSV, or is empty beside others.
    """
    paths = list(dict.fromkeys(path for pattern in patterns for path in _matches(pattern)))
    if not paths:
        raise NothingToLoad(
            "No extract was named.", next_step="Name a Parquet or CSV file, a folder or a glob."
        )
    _refuse_empty(paths)
    seen: Counter[str] = Counter()
    files = []
    for number, path in enumerate(paths):
        file = _source_file(number, path, seen)
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
def opened(path: str) -> Iterator[BufferedReader]:
    """Open a file of the extract for reading.

    Raises:
        ExtractError: It cannot be opened or read.
    """
    try:
        with Path(path).open("rb") as handle:
            yield handle
    except OSError as error:
        raise _unreadable(path, error) from error


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern).absolute()
    if path.is_dir():
        found = sorted(
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in FOLDER_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
        )
        if not found:
            raise NothingToLoad(
                "The folder holds no Parquet or CSV file.",
                where=str(path),
                next_step=f"Files must end in {' '.join(FOLDER_SUFFIXES)}; name others one by one or glob.",
            )
        return found
    if path.exists():
        return [path]
    names = glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = sorted(Path(name) for name in names if Path(name).is_file())
    if not found:
        raise NothingToLoad("No file matches.", where=str(path), next_step="Check the path and its spelling.")
    return found


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


def _source_file(number: int, path: Path, seen: Counter[str]) -> SourceFile:
    try:
        if not path.is_file():
            raise ExtractError("An extract must be a regular file.", where=str(path))
        with path.open("rb") as handle:
            before = os.fstat(handle.fileno())
            file_format = _format(path, handle)
            fingerprint = _fingerprint(handle, before.st_size)
            after = os.fstat(handle.fileno())
    except OSError as error:
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


def _format(path: Path, handle: BufferedReader) -> str:
    head = handle.read(8)
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    why = next((words for magic, words in WRONG_MAGICS.items() if head.startswith(magic)), None)
    if why is None and path.suffix.lower() == ".parquet":
        why = "its name says Parquet, but it does not begin with PAR1"
    if why is not None:
        raise ExtractError("The file is neither Parquet nor CSV.", where=str(path), why=why)
    return "csv"


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


def _unreadable(path: Path | str, error: OSError) -> ExtractError:
    return ExtractError(
        "A file of the extract cannot be read.", where=str(path), why=error.strerror or str(error)
    )


def _when(modified_ns: int) -> str:
    return datetime.fromtimestamp(modified_ns / 1e9, UTC).isoformat(timespec="seconds")
