"""A load whose run directory is in S3: held and copied while the load runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from loader.checkpoint import Checkpoint
from loader.errors import LoaderError
from loader.process.daemon_thread import in_daemon_thread
from loader.remote.answers import Unreachable
from loader.remote.pace import USUAL_PACE, KeepingPace
from loader.remote.settings import RunDirectorySettings, name_in
from loader.shards.parts import PartCheckpoint

if TYPE_CHECKING:
    from loader.remote.holding import HeldPart

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stoppable(Protocol):
    """A load that S3 can stop, and that can be stopped while S3 is used."""

    @property
    def is_stopping(self) -> bool:
        """Whether the load must end."""

    def stop(self, reason: LoaderError) -> None:
        """End the load. It is called in the thread of the event loop."""

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work``; a stop of the load ends it."""


@dataclass
class HeldLoad:
    """The connection of a load with S3.

    Attributes:
        folder: Its run directory on this machine.
        address: The address of its run directory; None if that is a folder.
        part: The part that it holds; None for a folder or a dry run.
        pace: Intervals and limits.
    """

    folder: str
    address: str | None = None
    part: "HeldPart | None" = None
    pace: KeepingPace = USUAL_PACE

    async def begin(self, checkpoint: Checkpoint, clock: Callable[[], float], load: Stoppable) -> None:
        """Write the first copy of an opened checkpoint and start the later ones.

        Raises:
            LoaderError: Another runner has the run directory, or S3 refuses or cannot be reached.
        """
        if self.part is None:
            return
        loop = asyncio.get_running_loop()

        def stop(error: LoaderError) -> None:
            loop.call_soon_threadsafe(load.stop, error)

        keeper = self.part.keeper
        await load.unless_stopped(in_daemon_thread(partial(keeper.begin, clock, stop), "s3-first-copy"))
        checkpoint.permit = keeper.permit

    async def parts_elsewhere(self) -> Sequence[PartCheckpoint]:
        """Return the other shards of the division that other machines deliver or delivered.

        Raises:
            CheckpointError: S3 refuses or cannot be reached, or a copy cannot be read.
        """
        if self.part is None:
            return ()
        return await in_daemon_thread(self.part.parts_elsewhere, "s3-other-shards")

    async def parts_opened_elsewhere(self) -> Sequence[PartCheckpoint] | None:
        """Return the same, with shards that a process is about to deliver as running ones.

        None means that S3 gave no usable response. If this lasts, the keeper of the part stops the load.

        Raises:
            CheckpointError: S3 refuses, or a copy cannot be read.
        """
        if self.part is None:
            return ()
        read = partial(self.part.others.parts, with_opening=True)
        try:
            return await in_daemon_thread(read, "s3-other-shards")
        except Unreachable:
            return None

    async def end(self) -> LoaderError | None:
        """Write the last copy and release the run directory; return the error that prevents this, or None."""
        if self.part is None:
            return None
        return await in_daemon_thread(self.part.keeper.finish, "s3-last-copy")

    def named(self, text: str) -> str:
        """Return a text with the address in place of the folder of this machine."""
        return text if self.address is None else text.replace(self.folder, self.address)

    def name_in(self, error: LoaderError) -> None:
        """Name the address in the texts of an error."""
        if self.address is not None:
            name_in(error, self.folder, self.address)


@asynccontextmanager
async def held_during(
    settings: RunDirectorySettings, load: Stoppable, pace: KeepingPace = USUAL_PACE
) -> AsyncIterator[HeldLoad]:
    """Hold the run directory of a load, if it is in S3.

    Args:
        settings: The settings of the run directory.
        load: The load.
        pace: Intervals and limits.

    Raises:
        CheckpointError: Another runner works on it, or S3 refuses or cannot be reached.
    """
    held = HeldLoad(str(settings.folder), settings.address, pace=pace)
    if held.address is None:
        yield held
        return
    # Most run directories are folders, and a load of one does not wait for these imports.
    from loader.remote.for_commands import run_directory  # noqa: PLC0415 - as above
    from loader.remote.holding import hold_for_load  # noqa: PLC0415 - as above

    try:
        if settings.only_reads:
            with run_directory(held.address, settings.s3.profile):
                yield held
            return
        hold = partial(hold_for_load, settings, log.warning, lambda: load.is_stopping, pace)
        held.part = await load.unless_stopped(in_daemon_thread(hold, "s3-lease"))
        with held.part.held:
            try:
                yield held
            except LoaderError:
                await held.end()  # refused: nothing was sent, so the lease is released
                raise
    except LoaderError as error:
        held.name_in(error)
        raise
