"""Copy standard input to a file.

Standard input can be read only once. A load reads its extract for its fingerprint, its windows and a resume.
"""

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
    """The file that contains standard input while a load runs. It is removed by ``close``, or at exit.

    Args:
        run_dir: Folder of the copy. It is created if it does not exist.
    """

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, STANDARD_INPUT_PREFIX)

    def read(self, stream: BinaryIO | None = None) -> Path:
        """Read standard input, or ``stream``, to its end and return the path of the copy. Blocking.

        Raises:
            ExtractError: Standard input is a terminal, or the file cannot be written.
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
                "The copy of standard input cannot be written.",
                where=str(self.run_dir),
                why=error.strerror or str(error),
                next_step="free space, make the folder writable, or name another folder with --run-dir",
            ) from error
