"""Write a file atomically: a reader sees either the old or the new file, also after a crash.

Every file that replaces another one, or that must never be visible half written, is written here.
"""

import errno
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DRAFT_PREFIX = ".scn-loader-"
"""Start of the names of files that are being written; a folder that is read as an extract hides them."""

_OWN_STREAM = re.compile(r"/dev/std(out|err)|(?:/dev|/proc/self)/fd/([0-9]{1,4})", re.ASCII)
"""Names of the streams of this process. They may be regular files, but are written in place."""

READER_SECONDS, READER_LOOK_SECONDS = 5.0, 0.05
"""Time to wait for the reader of a FIFO, and the interval between two attempts to open the FIFO."""


@contextmanager
def replacing(path: Path, *, private: bool = True, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Yield a new file that replaces ``path`` when the block ends without an exception.

    The file is written in the same folder, flushed to the disk and renamed; then the folder is flushed. After
    an exception, the new file is deleted.

    Args:
        path: The file to write. The name is replaced; a symbolic link with this name is not followed.
        private: Whether only this user may read it (mode 0600). Otherwise the umask decides.
        overwrite: Whether to replace an existing file.

    Raises:
        FileExistsError: The file exists and must not be replaced.
        OSError: The file cannot be written.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(17, "File exists", str(path))
    # Its name does not contain that of the file, which may already have the maximum length.
    descriptor, draft = tempfile.mkstemp(prefix=DRAFT_PREFIX, suffix=".part", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            yield file
            file.flush()
            if not private:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        if overwrite:
            os.replace(draft, path)  # noqa: PTH105 - draft is a str
        else:
            os.link(draft, path, follow_symlinks=False)
            os.unlink(draft)  # noqa: PTH108 - draft is a str
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)  # noqa: PTH108 - draft is a str
        raise
    flush_folder(path.parent)


def write_whole(path: Path, content: bytes, *, private: bool = True) -> None:
    """Write a file atomically, in place of an existing one.

    Args:
        path: The file.
        content: Its bytes.
        private: Whether only this user may read it (mode 0600).

    Raises:
        OSError: The file cannot be written.
    """
    with replacing(path, private=private) as file:
        file.write(content)


@contextmanager
def writing_output(
    path: Path, *, private: bool = True, patience_seconds: float = READER_SECONDS
) -> Iterator[BinaryIO]:
    """Yield a file for an output whose path the user chose: `replacing`, but a stream is written in place.

    Renaming a file to ``/dev/stdout`` or ``/dev/null`` would replace it for the whole machine.

    Args:
        path: The file, device or FIFO.
        private: Whether only this user may read a file (mode 0600).
        patience_seconds: Maximum wait for the reader of a FIFO.

    Raises:
        OSError: It cannot be written, or nothing reads a FIFO.
    """
    if is_stream(path):
        with open(_opened_stream(path, patience_seconds), "wb") as stream:
            yield stream
        return
    with replacing(path, private=private) as file:
        yield file


def write_output(
    path: Path, content: bytes, *, private: bool = True, patience_seconds: float = READER_SECONDS
) -> None:
    """Write an output whose path the user chose. See `writing_output`.

    Raises:
        OSError: It cannot be written.
    """
    with writing_output(path, private=private, patience_seconds=patience_seconds) as file:
        file.write(content)


def is_stream(path: Path) -> bool:
    """Return whether a path is a device or pipe, which is written in place."""
    if _own_descriptor(path) is not None:
        return True
    # Unlike the methods of Path, these functions return False for a name that is too long.
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113


def _own_descriptor(path: Path) -> int | None:
    """Return the descriptor that a name such as ``/dev/stdout`` means, or None."""
    match = _OWN_STREAM.fullmatch(os.path.abspath(path))  # noqa: PTH100 - links must not be followed
    if match is None:
        return None
    return int(match[2]) if match[2] else {"out": 1, "err": 2}[match[1]]


def _opened_stream(path: Path, patience_seconds: float) -> int:
    """Return a new descriptor of a device or pipe.

    If standard output is a file, its name would be opened at the start of the file, and one output would
    overwrite the other. Without a limit, a FIFO without a reader would block.
    """
    own = _own_descriptor(path)
    if own is not None:
        sys.stdout.flush()
        return os.dup(own)
    until = time.monotonic() + patience_seconds
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > until:
                raise
            time.sleep(READER_LOOK_SECONDS)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


@contextmanager
def drafting(path: Path) -> Iterator[Path]:
    """Yield a path at which the block makes a file or folder, which then replaces ``path``.

    This is `replacing` for content that is written by path: a database, or a folder with files. All of it is
    flushed. The yielded path is in a new folder that only this user may enter.

    Args:
        path: The file or folder to write. A folder cannot replace a folder that is not empty.

    Raises:
        OSError: The file or folder cannot be written.
    """
    around = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, suffix=".part", dir=path.parent))
    try:
        yield around / path.name
        draft = around / path.name
        for written in (draft, *draft.rglob("*")):
            _flush(written)
        draft.rename(path)
    finally:
        shutil.rmtree(around, ignore_errors=True)
    flush_folder(path.parent)


def remove_drafts(folder: Path) -> None:
    """Remove the drafts of killed writers from a folder; no writer may be active there."""
    for draft in folder.glob(f"{DRAFT_PREFIX}*.part"):
        if draft.is_dir() and not draft.is_symlink():
            shutil.rmtree(draft, ignore_errors=True)


def make_private_file(path: Path) -> None:
    """Create an empty file that only this user may read (mode 0600), for a writer that opens it by path.

    Raises:
        FileExistsError: The path exists.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable: a renamed file keeps its new name after a power loss.

    Raises:
        OSError: The folder cannot be opened or flushed.
    """
    _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    # The system has no call that reads the mask without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
