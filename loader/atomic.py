"""Write a file whole: a reader sees the old file or the new one, also after a crash.

All files that replace another one, or must never be seen half written, are written here.
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
    """Yield a new file that takes the place of ``path`` when the block ends without an exception.

    The file is written beside its place, flushed to the disk, and renamed; then the folder is flushed.
    After an exception nothing is left of it.

    Args:
        path: The file to write. It is replaced by name: a symbolic link at its place is not followed.
        private: Whether only this user may read it (mode 0600). Otherwise the umask decides.
        overwrite: Whether a file that is there is replaced.

    Raises:
        FileExistsError: There is such a file, and it must not be replaced.
        OSError: It cannot be written.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(17, "File exists", str(path))
    # Not named after the file: its name may be as long as a name can be.
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
    """Write a file whole, in place of one that is there.

    Args:
        path: The file.
        content: Its bytes.
        private: Whether only this user may read it (mode 0600).

    Raises:
        OSError: It cannot be written.
    """
    with replacing(path, private=private) as file:
        file.write(content)


@contextmanager
def drafting(path: Path) -> Iterator[Path]:
    """Yield a path at which the block makes a file or folder that takes the place of ``path`` at its end.

    As ``replacing``, for what is written by name: a database, or a folder with files, all of which are
    flushed. The path is in a new folder that only this user may enter.

    Args:
        path: The file or folder to write. A folder does not replace one that holds something.

    Raises:
        OSError: It cannot be written.
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
    """Remove the drafts that killed writers left in a folder; no writer may be active there."""
    for draft in folder.glob(f"{DRAFT_PREFIX}*.part"):
        if draft.is_dir() and not draft.is_symlink():
            shutil.rmtree(draft, ignore_errors=True)


def make_private_file(path: Path) -> None:
    """Make an empty file that only this user may read (mode 0600), for a writer that opens it by name.

    Raises:
        FileExistsError: Something is there.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was renamed there stays so after a power loss.

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
    # The system has no call that only reads the mask.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
