"""A small file in the run directory of a load, by which machines show that they have the same one."""

import io
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from loader.remote.answers import Unreachable
from loader.remote.keeper import unreachable
from loader.remote.objects import Objects
from loader.remote.settings import RunDirectorySettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file with a random name. It can be sent to other machines.

    Attributes:
        run_dir: The run directory: a folder, or an address in S3.
        name: Name of the file.
    """

    run_dir: RunDirectorySettings
    name: str = field(default_factory=lambda: f"look-{uuid.uuid4().hex}")

    @property
    def where(self) -> str:
        """The run directory as the user named it."""
        return self.run_dir.address or str(self.run_dir.folder)

    def write(self) -> None:
        """Write the file.

        Raises:
            OSError: The folder cannot be written.
            LoaderError: S3 refuses or cannot be reached.
        """
        if self.run_dir.address is None:
            self._path.touch(0o600)
        else:
            self._in_s3(lambda objects: objects.put(self.name, io.BytesIO()))

    def is_found(self) -> bool:
        """Return whether this machine finds the file and, in a folder, may write others.

        Raises:
            LoaderError: S3 refuses or cannot be reached.
        """
        if self.run_dir.address is None:
            return self._path.exists() and os.access(self.run_dir.folder, os.W_OK)
        return self._in_s3(lambda objects: objects.seen(self.name)) is not None

    def remove(self) -> None:
        """Remove the file.

        Raises:
            OSError: The folder cannot be written.
            LoaderError: S3 refuses or cannot be reached.
        """
        if self.run_dir.address is None:
            self._path.unlink(missing_ok=True)
        else:
            self._in_s3(lambda objects: objects.remove(self.name))

    @property
    def _path(self) -> Path:
        return self.run_dir.folder / self.name

    def _in_s3(self, work: Callable[[Objects], T]) -> T:
        """Return the result of work with the objects of the run directory."""
        try:
            return work(Objects(self.where, self.run_dir.s3.client()))
        except Unreachable as error:
            raise unreachable(self.where, error) from error
