"""Hold a part of a run directory in S3: its lease, and the lock on its working copy."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass

from loader.checkpoint.start.lock import holding, unwritable
from loader.errors import CheckpointLocked, LoaderError
from loader.job import Shard
from loader.remote.answers import ConditionFailed, Unreachable
from loader.remote.copier import Copier
from loader.remote.keeper import Keeper, unreachable
from loader.remote.lease import Lease, SeenLease
from loader.remote.objects import Objects
from loader.remote.other_files import Notes, bring_files_up
from loader.remote.other_machines import OtherMachines
from loader.remote.pace import USUAL_PACE, KeepingPace
from loader.remote.reach import Reach
from loader.remote.settings import RunDirectorySettings
from loader.remote.working_copy import WorkingCopy, folder_of, parts_beside, parts_in
from loader.shards.parts import WHOLE, PartCheckpoint
from loader.sources.s3.client import S3Access

HOLDING_NAME = "in-s3.lock"
"""Lock file on this machine for all work with the lease, because processes may share a working copy."""

LOCAL_PATIENCE_SECONDS = 2.0
"""Time that a process waits for another one of this machine that uses the same working copy."""


@dataclass
class HeldPart:
    """A part whose lease this process holds.

    Attributes:
        keeper: Keeps the part in S3 up to date.
        held: Releases the locks on this machine.
        others: The other shards of its division.
        copy: The working copy.
    """

    keeper: Keeper
    held: ExitStack
    others: OtherMachines
    copy: WorkingCopy

    def parts_elsewhere(self) -> Sequence[PartCheckpoint]:
        """Return the other shards of the division that other machines deliver or delivered. Blocking.

        Raises:
            CheckpointError: S3 refuses or cannot be reached, or a copy cannot be read.
        """
        with reaching(self.copy) as reach:
            return reach(self.others.parts)


def hold_for_load(
    settings: RunDirectorySettings,
    tell: Callable[[str], None],
    is_stopping: Callable[[], bool] = lambda: False,
    pace: KeepingPace = USUAL_PACE,
) -> HeldPart:
    """Take the lease on what a load delivers, and bring its working copy up to date. Blocking.

    Args:
        settings: The settings of its run directory, which is in S3.
        tell: Called with a sentence if the runner has to wait.
        is_stopping: Whether the wait must end.
        pace: Intervals and limits.

    Raises:
        CheckpointLocked: Another runner works on the part, or on a part of another division.
        CheckpointError: S3 refuses or cannot be reached, or the working copy cannot be written.
    """
    assert settings.address is not None
    copy = _copy_of(settings.address, settings.s3)
    own = settings.shard or WHOLE
    with ExitStack() as held, reaching(copy, is_stopping) as reach:
        held.enter_context(locked_here(copy, own))
        lease = lease_for(copy, own, pace)
        left = reach(lambda: lease.take(tell, is_stopping))
        with _given_back(lease):
            listed = reach(copy.objects.listed)
            beside = list(parts_beside(own, listed, restart=settings.restart))
            leases = reach(lambda: copy.leases(beside))
            _refuse_other_divisions(copy, own, leases)
            reach(lambda: copy.bring_down(listed, {own: left, **leases}))
        keeper = keeper_of(copy, own, lease, pace)
        return HeldPart(keeper, held.pop_all(), OtherMachines(copy, own), copy)


def locked_here(copy: WorkingCopy, part: Shard) -> AbstractContextManager[int]:
    """Return a lock on the working copy of a part: one process of this machine works with the lease.

    Raises:
        CheckpointLocked: Another process of this machine has the lock, when the context is entered.
        OSError: The disk refuses.
    """
    return holding(copy.make_folder(part) / HOLDING_NAME, LOCAL_PATIENCE_SECONDS)


def lease_for(copy: WorkingCopy, part: Shard, pace: KeepingPace) -> Lease:
    """Return the lease on a part, for this process to take.

    Raises:
        OSError: The disk refuses.
    """
    holder = copy.holder()
    return Lease(
        copy.objects,
        folder_of(part),
        holder=holder,
        writer=f"{holder}:{os.getpid()}-{secrets.token_hex(4)}",
        seconds=pace.lease_seconds,
    )


@contextmanager
def _given_back(lease: Lease) -> Iterator[None]:
    """Give a lease back if the work cannot begin, so that the next runner does not wait."""
    try:
        yield
    except Exception:
        with suppress(ConditionFailed, Unreachable, LoaderError):
            lease.give_back()
        raise


def keeper_of(copy: WorkingCopy, part: Shard, lease: Lease, pace: KeepingPace) -> Keeper:
    """Return the keeper of a part whose lease was taken."""
    place = copy.place_of(part)
    copier = Copier(copy.objects, place, lease.writer, Notes.of(place.path), pace.archive_sizes)
    return Keeper(copy.objects.address, lease, copier, pace)


def _refuse_other_divisions(copy: WorkingCopy, own: Shard, leases: Mapping[Shard, SeenLease | None]) -> None:
    for shard, lease in leases.items():
        if shard.of != own.of and lease is not None and lease.is_live:
            which = "the whole load" if shard == WHOLE else f"shard {shard}"
            raise CheckpointLocked(
                f"Another runner delivers {which} of the run directory in S3.",
                where=f"{copy.objects.address}/{copy.place_of(shard).folder}".rstrip("/"),
                why=f"{lease.words}, and all running parts must be of one division",
                next_step="wait for it or stop it, or name another --run-dir",
            )


def bring_parts_down(copy: WorkingCopy) -> Mapping[Shard, SeenLease | None]:
    """Bring all parts of a run directory to this machine, and return the leases on them. Blocking.

    Raises:
        CheckpointError: S3 refuses or cannot be reached, or the working copy cannot be written.
    """
    with reaching(copy) as reach:
        listed = reach(copy.objects.listed)
        leases = reach(lambda: copy.leases(parts_in(listed)))
        reach(lambda: copy.bring_down(listed, leases))
        return leases


def bring_whole_down(address: str, s3: S3Access) -> None:
    """Bring the parts of a load that other machines wrote to this machine. Blocking.

    Args:
        address: The address of the run directory.
        s3: How S3 is reached.

    Raises:
        CheckpointError: S3 refuses or cannot be reached, or the working copy cannot be written.
    """
    bring_parts_down(_copy_of(address, s3))


def bring_whole_up(address: str, s3: S3Access) -> None:
    """Upload the files of a load with shards that belong to no shard; failures are ignored."""
    bring_root_up(_copy_of(address, s3))


def bring_root_up(copy: WorkingCopy) -> None:
    """Upload the files that belong to no shard; failures are ignored."""
    notes = Notes.of(copy.path)
    with suppress(Unreachable, LoaderError, OSError):
        bring_files_up(copy.objects, "", copy.path, notes)
        notes.write(copy.path)


def _copy_of(address: str, s3: S3Access) -> WorkingCopy:
    return WorkingCopy(Objects(address, s3.client()))


@contextmanager
def reaching(copy: WorkingCopy, is_stopping: Callable[[], bool] = lambda: False) -> Iterator[Reach]:
    """Yield a function that retries work with S3 for a limited time.

    Raises:
        CheckpointError: S3 cannot be reached, or the working copy cannot be written.
    """
    try:
        yield Reach(is_stopping)
    except Unreachable as error:
        raise unreachable(copy.objects.address, error) from error
    except OSError as error:
        raise unwritable(copy.path, error) from error
