"""A private file in the run directory for rows that are not in a file: standard input or a frame.

Rules kept here:

1. The rows are the payload of the events. So the file has mode 0600, its folder has mode 0700, and both are
   removed when the load ends.
2. The same bytes are the same extract, so that an interrupted load can resume. The modification time is a
   function of the bytes, because it is part of the identity of a large file.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from loader.private_files import make_private_folder, open_private
from loader.sources.partitions import PRIVATE_FILE_NAME, PRIVATE_PREFIXES

MODIFIED_RANGE_NS = 2**31 * 10**9
"""Modification times before 2038, which every file system can store."""


class PrivateCopy:
    """The file that contains the rows while a load runs. It is removed by ``close``, or at exit.

    Args:
        run_dir: Folder of the copy. It is created if it does not exist.
        prefix: Start of the name of the copy's own folder: one of ``PRIVATE_PREFIXES``.
    """

    def __init__(self, run_dir: Path, prefix: str) -> None:
        self.run_dir = run_dir
        self._prefix = prefix
        self._remove: weakref.finalize[[int, Path, list[Path]], PrivateCopy] | None = None

    def keep(self, write: Callable[[BinaryIO], object]) -> Path:
        """Write the file and return its path. Blocking.

        Args:
            write: Writes the content to the file that it receives.

        Raises:
            OSError: The file cannot be written.
        """
        made = [folder for folder in (self.run_dir, *self.run_dir.parents) if not folder.exists()]
        make_private_folder(self.run_dir)
        _remove_abandoned(self.run_dir)
        path = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self.run_dir)).absolute() / PRIVATE_FILE_NAME
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR
        )
        self._remove = weakref.finalize(self, _removed, descriptor, path, made)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # shows other runs that the file is in use
        with os.fdopen(os.dup(descriptor), "wb") as kept:
            write(kept)
        with path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").digest()
        modified_ns = int.from_bytes(digest) % MODIFIED_RANGE_NS
        os.utime(path, ns=(modified_ns, modified_ns))
        return path

    def close(self) -> None:
        """Remove the file, and the folders that were created for it if they are empty."""
        if self._remove is not None:
            self._remove()


def _removed(descriptor: int, path: Path, made: list[Path]) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)
    for folder in (path.parent, *made):
        try:
            folder.rmdir()
        except OSError:  # not empty: it contains the checkpoint
            return


def _remove_abandoned(run_dir: Path) -> None:
    """Remove the copies of runs that were killed. The copy of a run that is active is locked."""
    for prefix in PRIVATE_PREFIXES:
        for path in run_dir.glob(f"{prefix}*/{PRIVATE_FILE_NAME}"):
            with suppress(OSError), os.fdopen(open_private(path, os.O_RDWR), "r+b") as abandoned:
                fcntl.flock(abandoned, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                path.parent.rmdir()
