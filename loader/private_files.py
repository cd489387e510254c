"""Private folders and files, opened so that other users cannot replace them.

Rules kept here:

1. A folder must belong to this user or to root. Only root may use another user's folder: a container often
   runs as root on a folder of a user of its host.
2. A file is never opened through a symbolic link. A FIFO or device in its place is refused without blocking.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from loader.atomic import flush_folder

SQLITE_SIDECARS = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite opens beside a database."""


def state_folder() -> Path:
    """Return the folder in which the loader stores values for later commands, such as learned rates."""
    if named := os.environ.get("XDG_STATE_HOME"):
        return Path(named) / "scn-loader"
    try:
        return Path.home() / ".local" / "state" / "scn-loader"
    except RuntimeError:  # no HOME, and a uid without an entry in passwd, as containers have
        return Path(os.devnull) / "scn-loader"  # nothing can be read or written below it


def make_private_folder(folder: Path) -> None:
    """Create a folder with mode 0700, and missing parents with the usual mode; check an existing folder.

    Raises:
        OSError: It cannot be created, is not a folder, or belongs to another user.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700 if each == folder else 0o777, exist_ok=True)
        flush_folder(each.parent)
    check_ours(folder)


def check_ours(folder: Path) -> None:
    """Reject a folder in which another user could replace files.

    Raises:
        OSError: It belongs to another user, or is not a folder.
    """
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))
    ours = os.geteuid()
    if ours != 0 and found.st_uid not in (ours, 0):
        raise PermissionError(
            errno.EPERM, f"it belongs to another user (uid {found.st_uid}, this is {ours})", str(folder)
        )


def check_files(paths: Iterable[Path]) -> None:
    """Reject paths that are not regular files: a link, a FIFO, a device, a folder.

    Raises:
        OSError: A path is not a regular file.
    """
    for path in paths:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        _check_regular(path, mode)


def with_sidecars(path: Path) -> list[Path]:
    """Return the paths of a database and of the files that SQLite opens beside it."""
    return [path, *(Path(f"{path}{suffix}") for suffix in SQLITE_SIDECARS)]


def open_private(path: Path, flags: int) -> int:
    """Open a file and return its descriptor. It is created with mode 0600 if ``flags`` have O_CREAT.

    Raises:
        OSError: It cannot be opened, or is not a regular file.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed", str(path)) from error
        if error.errno == errno.ENXIO:  # a FIFO without a reader, a socket
            raise OSError(errno.EINVAL, "it is not a regular file", str(path)) from error
        raise
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link, which is not followed", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
