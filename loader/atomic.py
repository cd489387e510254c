"""Write a file whole: a reader sees the old file or the new one, also after a crash.

All files that replace another one, or must never be seen half written, are written here.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


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
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
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


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was renamed there stays so after a power loss.

    Raises:
        OSError: The folder cannot be opened or flushed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    # The system has no call that only reads the mask.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
