"""Copies the checkpoint of a part to S3 whenever it changed.

Finished windows go into archives, once. The rest is the head, and each head replaces the last one. Archives
are written before the head that refers to them.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.reading import read_load_id
from loader.errors import LoaderError
from loader.private_files import with_sidecars
from loader.remote.answers import Unreachable
from loader.remote.copies.archived import ARCHIVES_FOLDER, open_list
from loader.remote.copies.archives import bring_archives_up, remove_archives
from loader.remote.copies.heads import COPIED_AT, COPY_NAME, take_head
from loader.remote.objects import Objects
from loader.remote.other_files import COPYING_NAME, Notes, bring_files_up
from loader.remote.pace import USUAL_SIZES, ArchiveSizes
from loader.remote.working_copy import Place
from loader.service.steady_clock import elapsed_seconds

Version = Sequence[tuple[int, int] | None]


class Copier:
    """Copies one part of a run directory.

    Args:
        objects: The run directory.
        place: The part.
        writer: Id of this process.
        notes: Notes of the part; they are updated.
        sizes: When an archive is made.
    """

    def __init__(
        self, objects: Objects, place: Place, writer: str, notes: Notes, sizes: ArchiveSizes = USUAL_SIZES
    ) -> None:
        self._objects = objects
        self._place = place
        self._writer = writer
        self._notes = notes
        self._sizes = sizes
        self._checkpoint = place.path / CHECKPOINT_NAME
        self._one_at_a_time = threading.Lock()
        self._version: Version = ()
        self._copied_at = elapsed_seconds()

    @property
    def age_seconds(self) -> float:
        """Age of the last copy."""
        return elapsed_seconds() - self._copied_at

    def copy(self, clock: Callable[[], float], *, thorough: bool = False) -> None:
        """Write a copy if the checkpoint changed since the last one.

        Args:
            clock: Epoch seconds, as in the checkpoint.
            thorough: Whether to write a head in any case, to replace that of another writer; to write
                archives again that are missing in S3; and to remove those to which no head refers. This is
                done at the start and at the end of a load.

        Raises:
            ConditionFailed: Another writer has replaced the head in S3.
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
            OSError: The disk refuses.
            sqlite3.Error: The checkpoint cannot be read.
        """
        with self._one_at_a_time:
            began, version = elapsed_seconds(), self._seen()
            if self._checkpoint.exists() and (thorough or version != self._version):
                self._write(clock, thorough=thorough)
                self._version = version
            self._copied_at = began  # an unchanged checkpoint needs no new copy

    def bring_files_up(self) -> None:
        """Make the other files of the part in S3 equal to those of this machine.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
            OSError: The disk refuses.
        """
        bring_files_up(self._objects, self._place.folder, self._place.path, self._notes)
        self._notes.write(self._place.path)

    def _write(self, clock: Callable[[], float], *, thorough: bool) -> None:
        load_id = read_load_id(self._checkpoint)
        if load_id is None:  # of another version of the loader: it may refer to archives itself
            self._replace_head(None, clock())
            return
        objects, folder = self._objects, self._place.folder
        with open_list(self._place.path, load_id) as archives:
            there: set[str] = set()
            if thorough:
                listed = objects.listed(folder + ARCHIVES_FOLDER)
                there = {name.removeprefix(folder) for name in listed}
                archives.forget_missing(there)
            bring_archives_up(
                objects, folder, self._checkpoint, archives, writer=self._writer, sizes=self._sizes
            )
            self._replace_head(archives.path, clock())
            with suppress(Unreachable, LoaderError):  # the next runner removes them
                remove_archives(objects, folder, there - archives.names())

    def _replace_head(self, known: Path | None, at: float) -> None:
        draft = self._place.path / COPYING_NAME
        try:
            take_head(self._checkpoint, draft, known)
            with draft.open("rb") as file:
                self._notes.etag = self._objects.replace(
                    self._place.folder + COPY_NAME,
                    file,
                    etag=self._notes.etag,
                    writer=self._writer,
                    **{COPIED_AT: repr(at)},
                )
        finally:
            draft.unlink(missing_ok=True)
        self._notes.is_own = True
        self._notes.write(self._place.path)

    def _seen(self) -> Version:
        """Return values that change with every commit: size and time of the checkpoint and of its log."""
        return [_size_and_time(path) for path in with_sidecars(self._checkpoint)[:2]]


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns
