"""Write a file atomically: a reader sees either the old or the new file, also after a crash.

Every file that replaces another one, or that must never be visible half written, is written here.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DRAFT_PREFIX = ".scn-loader-"
"""Start of the names of files that are being written; a folder that is read as an extract hides them."""


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
