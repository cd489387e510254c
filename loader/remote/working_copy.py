"""The working copy of a run directory in S3: a folder of this machine, used like any run directory.

Rules kept here:

1. The local checkpoint is used if this machine wrote both it and the copy in S3, because it is then at least
   as new. In every other case the copy in S3 replaces it.
2. After a copy was restored, the events that its writer may have sent since the copy are in doubt, unless the
   writer still works, or has ended and copied everything.
3. If the copy that this machine knows is missing in S3, the run directory was removed. The local files are
   then removed too.
"""

import logging
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import write_whole
from loader.checkpoint.connections import connect, make_single_file
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.progress import Gap
from loader.checkpoint.reading import reading_errors
from loader.checkpoint.start.gaps import leave_gap
from loader.checkpoint.start.lock import lock_run_dir, look_without_locking
from loader.job import SHARDS_NAME, Shard, working_copy_of
from loader.private_files import make_private_folder, with_sidecars
from loader.remote.copies.heads import COPY_NAME
from loader.remote.copies.restoring import restore_copy
from loader.remote.lease import EVERY_WINDOW, SeenLease, read_lease
from loader.remote.objects import WRITER, Objects
from loader.remote.other_files import ID_NAME, Notes, bring_files_down
from loader.shards.parts import WHOLE

log = logging.getLogger(__name__)

REMOVED_NAME = f"{ID_NAME}-removed.sqlite"
"""The last checkpoint here of a run directory that was removed from S3."""

_PARTS_AT_ONCE = 16


def folder_of(shard: Shard | None) -> str:
    """Return the folder of a part below its run directory: empty, or with a slash at its end."""
    return "" if shard is None or shard == WHOLE else f"{SHARDS_NAME}/{shard.folder}/"


def parts_in(listed: Iterable[str]) -> list[Shard]:
    """Return the parts of a run directory that have a copy or a lease, by the names of its objects."""
    found = {WHOLE} if COPY_NAME in listed else set()
    for name in listed:
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == SHARDS_NAME and parts[2] == COPY_NAME:  # noqa: PLR2004 - shards, KofN, the copy
            shard = Shard.of_folder(parts[1])
            if shard is not None:
                found.add(shard)
    return sorted(found, key=lambda shard: (shard.of, shard.number))


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a run directory in S3, and of its working copy.

    Attributes:
        folder: Its folder below the address, empty or with a slash at its end.
        path: Its folder on this machine.
    """

    folder: str
    path: Path


class WorkingCopy:
    """The folder of this machine for one address.

    Args:
        objects: The run directory.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.path = working_copy_of(objects.address)

    def place_of(self, shard: Shard | None) -> Place:
        """Return the folders of a part."""
        folder = folder_of(shard)
        return Place(folder, self.path / folder.rstrip("/") if folder else self.path)

    def holder(self) -> str:
        """Return the id of this working copy on this machine, by which a lease identifies its holder.

        Raises:
            OSError: The disk refuses.
        """
        self._make_folders()
        path = self.path / ID_NAME
        try:
            known = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            known = ""
        if not known:
            write_whole(path, secrets.token_hex(8).encode())
            known = path.read_text(encoding="ascii").strip()
        return f"{socket.gethostname()}:{known}"

    def leases(self, shards: Iterable[Shard]) -> dict[Shard, SeenLease | None]:
        """Return the leases on parts.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses, or an object is not a lease.
        """
        wanted = list(shards)
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as threads:
            found = threads.map(lambda shard: read_lease(self.objects, folder_of(shard)), wanted)
            return dict(zip(wanted, found, strict=True))

    def bring_down(self, listed: Mapping[str, str], leases: Mapping[Shard, SeenLease | None]) -> None:
        """Bring parts of the working copy up to date, except those that a process of this machine uses.

        Args:
            listed: ETags of all objects of the run directory, by name.
            leases: The parts, with the lease on each as its last holder left it.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses, or a copy is damaged.
            OSError: The disk refuses.
        """
        self._make_folders()
        if WHOLE not in leases:
            notes = Notes.of(self.path)
            bring_files_down(self.objects, "", self.path, listed, notes)
            notes.write(self.path)
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as threads:
            list(threads.map(lambda part: self._bring_part(listed, *part), leases.items()))

    def make_folder(self, shard: Shard | None) -> Path:
        """Make the folder of a part, for this user only, and return it.

        Raises:
            OSError: The disk refuses.
        """
        self._make_folders()
        folder = self.place_of(shard).path
        make_private_folder(folder)
        return folder

    def _make_folders(self) -> None:
        # Also the parent folders: in a folder for temporary files, another user may have made them.
        for folder in (self.path.parent.parent, self.path.parent, self.path):
            make_private_folder(folder)

    def _bring_part(self, listed: Mapping[str, str], shard: Shard, lease: SeenLease | None) -> None:
        place = self.place_of(shard)
        make_private_folder(place.path)
        with look_without_locking(place.path) as pid:
            if pid is not None:
                return
        with lock_run_dir(place.path):
            notes = Notes.of(place.path)
            bring_files_down(self.objects, place.folder, place.path, listed, notes)
            etag = listed.get(place.folder + COPY_NAME)
            if etag is None:
                self._forget_removed(place, notes)
            elif etag != notes.etag and self._wrote(place, lease):
                notes.etag, notes.is_own = etag, True
            elif etag != notes.etag:
                restored = restore_copy(self.objects, place.folder, place.path)
                notes.etag, notes.is_own = restored.stored.etag, False
                notes.copied_at = restored.copied_at
            notes.write(place.path)
            if etag is not None and not notes.is_own:
                _leave_in_doubt(place.path, notes.copied_at, lease)

    def _wrote(self, place: Place, lease: SeenLease | None) -> bool:
        """Return whether this working copy wrote the copy in S3, and did not note it before it was killed."""
        if lease is None or lease.body.holder != self.holder() or not (place.path / CHECKPOINT_NAME).exists():
            return False
        stored = self.objects.seen(place.folder + COPY_NAME)
        return stored is not None and stored.metadata.get(WRITER, "").startswith(self.holder())

    def _forget_removed(self, place: Place, notes: Notes) -> None:
        if notes.etag is None:
            return
        log.warning("The run directory was removed from S3, so the load begins in a new one.")
        path = place.path / CHECKPOINT_NAME
        if path.exists():
            path.replace(place.path / REMOVED_NAME)  # it may have been removed by mistake
        for each in with_sidecars(path):
            each.unlink(missing_ok=True)
        for name in notes.files:
            (place.path / name).unlink(missing_ok=True)
        notes.etag, notes.is_own, notes.files = None, True, {}


def _leave_in_doubt(folder: Path, copied_at: float, lease: SeenLease | None) -> None:
    """Record that the events which the writer of a copy may have sent after it are in doubt.

    A writer that still works has its events in flight. A writer that ended normally left the horizon 0.
    """
    horizon = EVERY_WINDOW if lease is None else lease.body.horizon
    if not horizon or (lease is not None and lease.is_live):
        return
    path = folder / CHECKPOINT_NAME
    with reading_errors(path), closing(connect(path)) as connection:
        leave_gap(connection, Gap(copied_at, horizon))
        make_single_file(connection)


def parts_beside(shard: Shard | None, listed: Iterable[str], *, restart: bool) -> Iterator[Shard]:
    """Yield the other parts that the load of a part needs.

    These are all parts of other divisions, because their deliveries are taken over. They include parts of its
    own division only if the load of the part begins: a resumed one knows its plan and its generation.

    Args:
        shard: The part; None for the whole.
        listed: The names of all objects of the run directory.
        restart: Whether the load starts over.
    """
    own = shard or WHOLE
    names = list(listed)
    begins = restart or folder_of(own) + COPY_NAME not in names
    for part in parts_in(names):
        if part != own and (part.of != own.of or begins):
            yield part
