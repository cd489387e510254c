"""The other shards of a division, as other machines left them in S3: their loads, and which are running.

A runner has only its own shard in its working copy. All shards that run at the same time must belong to one
load, so it reads the lease and the head of each other shard. It does not read the archives.

Rules kept here:

1. A shard is running if the holder of its live lease also wrote its head, and its load is not finished. A
   process that has the lease, but has not opened its checkpoint, delivers nothing yet. It may be about to
   deliver the load of the head, or to begin another one.
2. For a shard on this machine the working copy counts, because it is newer than its head.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from loader.errors import LoaderError
from loader.job import SHARDS_NAME, Shard
from loader.remote.copies.heads import COPY_NAME
from loader.remote.copies.restoring import fetch_head
from loader.remote.lease import SeenLease
from loader.remote.objects import WRITER
from loader.remote.working_copy import WorkingCopy, folder_of, parts_in
from loader.shards.parts import PartCheckpoint, read_part

_SHARDS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of a shard.

    Attributes:
        writer: Id of the process that wrote it.
        part: Its content.
    """

    writer: str
    part: PartCheckpoint


class OtherMachines:
    """Reads the other shards of the division of a shard. A head is read again only if it changed.

    Args:
        copy: The working copy of this machine.
        own: The shard of this process.
    """

    def __init__(self, copy: WorkingCopy, own: Shard) -> None:
        self._copy = copy
        self._own = own
        self._heads: dict[tuple[Shard, str], _Head] = {}

    def parts(self, *, with_opening: bool = False) -> Sequence[PartCheckpoint]:
        """Return the shards that other machines deliver or delivered. Blocking.

        Args:
            with_opening: Whether an unfinished shard counts as running if a process has its lease, but has
                not opened its checkpoint yet.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses, or a head cannot be read.
            OSError: The disk refuses.
        """
        if self._own.of == 1:
            return ()
        etags = self._copy.objects.listed(f"{SHARDS_NAME}/")
        shards = [each for each in parts_in(etags) if each.of == self._own.of and each != self._own]
        leases = self._copy.leases(shards)
        here = self._copy.holder()
        elsewhere = [each for each in shards if not _is_of(here, leases[each])]
        with ThreadPoolExecutor(_SHARDS_AT_ONCE) as threads:
            found = list(threads.map(lambda shard: self._head(shard, etags), elsewhere))
        self._heads = {(each.part.shard, etags[_name(each.part.shard)]): each for each in found if each}
        return [_as_delivered(head, leases, with_opening=with_opening) for head in found if head is not None]

    def _head(self, shard: Shard, etags: Mapping[str, str]) -> _Head | None:
        known = self._heads.get((shard, etags[_name(shard)]))
        if known is not None:
            return known
        with tempfile.TemporaryDirectory() as scratch:
            try:
                stored = fetch_head(self._copy.objects, folder_of(shard), Path(scratch))
                part = None if stored is None else read_part(shard, Path(scratch))
            except LoaderError as error:
                error.where = f"{self._copy.objects.address}/{_name(shard)}"
                raise
        if stored is None or part is None:
            return None
        part = replace(part, run_dir=self._copy.place_of(shard).path)
        return _Head(stored.metadata.get(WRITER, ""), part)


def _name(shard: Shard) -> str:
    return folder_of(shard) + COPY_NAME


def _is_of(holder: str, lease: SeenLease | None) -> bool:
    return lease is not None and lease.body.holder == holder


def _as_delivered(
    head: _Head, leases: Mapping[Shard, SeenLease | None], *, with_opening: bool
) -> PartCheckpoint:
    lease = leases[head.part.shard]
    is_held = lease is not None and lease.is_live and (with_opening or lease.writer == head.writer)
    return replace(head.part, is_running=is_held and not head.part.is_finished)
