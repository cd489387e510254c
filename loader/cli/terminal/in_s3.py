"""Run directories in S3, for the commands that are given one."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loader.command_line import absolute_path
from loader.job import address_of


@dataclass(frozen=True, slots=True)
class LocalRunDir:
    """A run directory as a command works on it.

    Attributes:
        path: Its folder on this machine.
        address: Its address, if it is in S3.
        runners: A sentence for each runner on another machine that works on a part of it.
    """

    path: Path
    address: str | None = None
    runners: Sequence[str] = ()

    def named(self, text: str) -> str:
        """Return a text for people, with the address in place of the folder of this machine."""
        return text if self.address is None else text.replace(str(self.path.absolute()), self.address)


@contextmanager
def brought_here(
    run_dir: Path, *, changes: bool = False, profile: str | None = None
) -> Iterator[LocalRunDir]:
    """Yield a run directory as a folder of this machine; one in S3 is brought here first.

    Args:
        run_dir: A folder, or an address in S3.
        changes: Whether the command changes it. The changes are brought to S3 at the end, and no other runner
            may work on it meanwhile.
        profile: AWS profile for S3.

    Raises:
        CheckpointError: It cannot be brought here, or another runner works on it.
    """
    address = address_of(run_dir)
    if address is None:
        yield LocalRunDir(absolute_path(run_dir) if os.pardir in run_dir.parts else run_dir)
        return
    from loader.remote.for_commands import changed_run_directory, run_directory  # noqa: PLC0415 - slow to import

    bring = changed_run_directory if changes else run_directory
    with bring(address, profile) as found:
        yield LocalRunDir(found.path, address, found.runners)
