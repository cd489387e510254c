"""A run directory in S3 for commands that read it or change it without a load."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loader.checkpoint.start.lock import LOCK_NAME, holding
from loader.errors import CheckpointLocked, LoaderError, SettingsError
from loader.job import Shard
from loader.job.run_address import address_problems
from loader.remote.holding import (
    LOCAL_PATIENCE_SECONDS,
    bring_parts_down,
    bring_root_up,
    keeper_of,
    lease_for,
    locked_here,
    reaching,
)
from loader.remote.lease import Lease, SeenLease
from loader.remote.objects import Objects
from loader.remote.pace import USUAL_PACE
from loader.remote.settings import name_in
from loader.remote.working_copy import WorkingCopy, parts_in
from loader.shards.parts import WHOLE
from loader.sources.s3.client import S3Client

if TYPE_CHECKING:
    from loader.remote.keeper import Keeper


@dataclass(frozen=True, slots=True)
class ReadRunDirectory:
    """A run directory that a command uses.

    Attributes:
        path: Its folder on this machine.
        runners: A sentence for each runner that works on a part of it.
    """

    path: Path
    runners: Sequence[str] = ()


@contextmanager
def run_directory(address: str, profile: str | None = None) -> Iterator[ReadRunDirectory]:
    """Download a run directory from S3, and yield its folder on this machine.

    Parts on which another machine works are locked here, so that they count as running.

    Args:
        address: The address of a run directory.
        profile: AWS profile to read S3 with.

    Raises:
        CheckpointError: S3 refuses or cannot be reached, or the working copy cannot be written.
    """
    copy = _copy_of(address, profile)
    with ExitStack() as locked, _naming(copy):
        leases = bring_parts_down(copy)
        for shard, lease in leases.items():
            if lease is not None and lease.is_live and lease.body.holder != copy.holder():
                with suppress(CheckpointLocked):
                    lock = locked.enter_context(
                        holding(copy.place_of(shard).path / LOCK_NAME, LOCAL_PATIENCE_SECONDS)
                    )
                    os.ftruncate(lock, 0)  # the pid is of another machine
        yield ReadRunDirectory(copy.path, list(_runners(leases)))


@contextmanager
def changed_run_directory(address: str, profile: str | None = None) -> Iterator[ReadRunDirectory]:
    """Yield the folder in which a run directory can be changed; changes are uploaded at the end.

    Args:
        address: The address of a run directory.
        profile: AWS profile to reach S3 with.

    Raises:
        CheckpointLocked: A runner works on a part of it.
        CheckpointError: S3 refuses or cannot be reached, or the working copy cannot be written.
    """
    copy = _copy_of(address, profile)
    with ExitStack() as held, _naming(copy):
        keepers: list[Keeper] = []
        with reaching(copy) as reach:
            listed = reach(copy.objects.listed)
            leases: dict[Shard, Lease] = {}
            left: dict[Shard, SeenLease | None] = {}
            for part in parts_in(listed):
                held.enter_context(locked_here(copy, part))
                leases[part] = lease = lease_for(copy, part, USUAL_PACE)
                left[part] = reach(partial(lease.take, _silent, lambda: True))
            listed = reach(copy.objects.listed)
            reach(lambda: copy.bring_down(listed, left))
        for part, lease in leases.items():
            keeper = keeper_of(copy, part, lease, USUAL_PACE)
            keeper.begin(time.time, _silent)
            keepers.append(keeper)
        try:
            yield ReadRunDirectory(copy.path)
        finally:
            problems = [keeper.finish() for keeper in keepers]
            if leases and WHOLE not in leases:
                bring_root_up(copy)
        for problem in problems:
            if problem is not None:
                raise problem


def _copy_of(address: str, profile: str | None) -> WorkingCopy:
    problems = list(address_problems(address))
    if problems:
        raise SettingsError(
            "The run directory cannot be used.",
            where=address,
            why="; ".join(problems),
            next_step="write it as s3://BUCKET/PREFIX",
        )
    named = profile or os.environ.get("SCN_LOADER_EXTRACT_PROFILE") or os.environ.get("SCN_LOADER_PROFILE")
    return WorkingCopy(Objects(address, S3Client(named or None, os.environ.get("SCN_LOADER_REGION") or None)))


def _runners(leases: Mapping[Shard, SeenLease | None]) -> Iterator[str]:
    for shard, lease in leases.items():
        if lease is not None and lease.is_live:
            what = "" if shard == WHOLE else f"shard {shard}: "
            yield f"{what}{lease.words}"


@contextmanager
def _naming(copy: WorkingCopy) -> Iterator[None]:
    """Replace the folder of this machine by the address in errors."""
    try:
        yield
    except LoaderError as error:
        name_in(error, copy.path, copy.objects.address)
        raise


def _silent(_what: object) -> None:
    pass
