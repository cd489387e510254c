"""Standard input as a file: it can be read once, and a load needs its windows, fingerprint and resume."""

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

from loader.errors import ExtractError
from loader.sources.partitions import STANDARD_INPUT_PREFIX
from loader.sources.private_copy import PrivateCopy

COPY_BYTES = 2**20


class StdinCopy(PrivateCopy):
    """The file that holds standard input while a load runs; removed when it is closed, or at exit.

    Args:
        run_dir: Where to put it; made if it does not exist.
    """

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, STANDARD_INPUT_PREFIX)

    def read(self, stream: BinaryIO | None = None) -> Path:
        """Read standard input, or ``stream``, to its end and return the file that holds it. Blocking.

        Raises:
            ExtractError: Standard input is a terminal, or the disk refuses the file.
        """
        stream = stream or getattr(sys.stdin, "buffer", None)
        if stream is None or stream.isatty():
            raise ExtractError(
                "Standard input is a terminal, not an extract.",
                next_step="pipe the rows in, or name a file in place of '-'",
            )
        try:
            return self.keep(partial(shutil.copyfileobj, stream, length=COPY_BYTES))
        except OSError as error:
            self.close()
            raise ExtractError(
                "Standard input cannot be kept in a file.",
                where=str(self.run_dir),
                why=error.strerror or str(error),
                next_step="make room or make it writable, or name another folder with --run-dir",
            ) from error
