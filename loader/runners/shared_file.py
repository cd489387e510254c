"""A small file in the run directory of a load, by which machines show that they have the same one."""

import io
import os
import uuid
from dataclasses import dataclass, field

from loader.remote.answers import Unreachable
from loader.remote.keeper import unreachable
from loader.remote.objects import Objects
from loader.remote.settings import RunDirectorySettings


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
        objects = self._objects()
        if objects is None:
            (self.run_dir.folder / self.name).touch(0o600)
            return
        try:
            objects.put(self.name, io.BytesIO())
        except Unreachable as error:
            raise unreachable(self.where, error) from error

    def is_found(self) -> bool:
        """Return whether this machine finds the file and, in a folder, may write others.

        Raises:
            LoaderError: S3 refuses or cannot be reached.
        """
        objects = self._objects()
        if objects is None:
            path = self.run_dir.folder / self.name
            return path.exists() and os.access(path.parent, os.W_OK)
        try:
            return objects.seen(self.name) is not None
        except Unreachable as error:
            raise unreachable(self.where, error) from error

    def remove(self) -> None:
        """Remove the file.

        Raises:
            OSError: The folder cannot be written.
            LoaderError: S3 refuses or cannot be reached.
        """
        objects = self._objects()
        if objects is None:
            (self.run_dir.folder / self.name).unlink(missing_ok=True)
            return
        try:
            objects.remove(self.name)
        except Unreachable as error:
            raise unreachable(self.where, error) from error

    def _objects(self) -> Objects | None:
        address = self.run_dir.address
        return None if address is None else Objects(address, self.run_dir.s3.client())
