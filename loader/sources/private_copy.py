"""A private file in the run directory, for rows that come from no file: standard input, a frame.

Rules kept here:

1. The rows are in a folder of their own with mode 0700, in a file with mode 0600, for as long as the load
   runs and no longer: they are the payload of every event.
2. The same bytes are the same extract, so that an interrupted load goes on with them. The modification time
   is a function of the bytes: of a large file it is part of the identity.
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
"""Modification times before 2038, which every file system keeps."""


class PrivateCopy:
    """The file that holds the rows while a load runs; removed when it is closed, or at exit.

    Args:
        run_dir: Where to put it; made if it does not exist.
        prefix: How the name of its folder begins: one of ``PRIVATE_PREFIXES``.
    """

    def __init__(self, run_dir: Path, prefix: str) -> None:
        self.run_dir = run_dir
        self._prefix = prefix
        self._remove: weakref.finalize[[int, Path, list[Path]], PrivateCopy] | None = None

    def keep(self, write: Callable[[BinaryIO], object]) -> Path:
        """Write the file and return its path. Blocking.

        Args:
            write: Writes the content to the file it is called with.

        Raises:
            OSError: The disk refuses it.
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
        """Remove the file, and the folders that were made for it and hold nothing else."""
        if self._remove is not None:
            self._remove()


def _removed(descriptor: int, path: Path, made: list[Path]) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)
    for folder in (path.parent, *made):
        try:
            folder.rmdir()
        except OSError:  # the checkpoint is there
            return


def _remove_abandoned(run_dir: Path) -> None:
    """Remove what killed runs left behind; what a living one needs is locked."""
    for prefix in PRIVATE_PREFIXES:
        for path in run_dir.glob(f"{prefix}*/{PRIVATE_FILE_NAME}"):
            with suppress(OSError), os.fdopen(open_private(path, os.O_RDWR), "r+b") as abandoned:
                fcntl.flock(abandoned, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                path.parent.rmdir()
