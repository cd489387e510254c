"""Standard input as a file: it can be read once, and a load needs its windows, fingerprint and resume.

Rules kept here:

1. What was read lies in a private folder of the run directory, in a file with mode 0600, for as long as
   the load runs and no longer: it holds the payload of every event.
2. The same input, piped again, is the same extract: an interrupted load goes on with it.
"""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from loader.errors import ExtractError
from loader.sources.partitions import STANDARD_INPUT_PREFIX

FILE_NAME = "extract"

COPY_BYTES = 2**20


class StdinCopy:
    """The file that holds standard input while a load runs; removed when it is closed, or at exit.

    Args:
        run_dir: Where to put it; made if it does not exist.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._remove: weakref.finalize[[int, Path, list[Path]], StdinCopy] | None = None

    def read(self, stream: BinaryIO | None = None) -> Path:
        """Read standard input, or ``stream``, to its end and return the file that holds it. Blocking.

        Raises:
            ExtractError: There is nobody who writes to it, or the disk refuses the file.
        """
        stream = stream or getattr(sys.stdin, "buffer", None)
        if stream is None or stream.isatty():
            raise ExtractError(
                "Standard input is a terminal, not an extract.",
                next_step="pipe one in: zcat x.csv.gz | scn-loader load - ...",
            )
        try:
            path = self._keep(stream)
        except OSError as error:
            self.close()
            raise ExtractError(
                "Standard input cannot be kept in a file.",
                where=str(self._run_dir),
                why=error.strerror or str(error),
                next_step="make room or make it writable, or name another folder with --run-dir",
            ) from error
        return path

    def _keep(self, stream: BinaryIO) -> Path:
        made = [folder for folder in (self._run_dir, *self._run_dir.parents) if not folder.exists()]
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_abandoned(self._run_dir)
        path = Path(tempfile.mkdtemp(prefix=STANDARD_INPUT_PREFIX, dir=self._run_dir)).absolute() / FILE_NAME
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR
        )
        self._remove = weakref.finalize(self, _removed, descriptor, path, made)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # tells other runs that somebody needs it
        with os.fdopen(os.dup(descriptor), "wb") as kept:
            shutil.copyfileobj(stream, kept, COPY_BYTES)
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
        except OSError:  # the checkpoint lies there
            return


def _remove_abandoned(run_dir: Path) -> None:
    """Remove what killed runs left behind; what a living one needs is locked."""
    for path in run_dir.glob(f"{STANDARD_INPUT_PREFIX}*/{FILE_NAME}"):
        with suppress(BlockingIOError, FileNotFoundError), path.open("r+b") as abandoned:
            fcntl.flock(abandoned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            path.parent.rmdir()
