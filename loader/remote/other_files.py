"""The other files of a run directory in S3: earlier checkpoints, rejected rows, log, report.

The holder of the lease writes them whole, and rarely. Notes record which files were uploaded or downloaded,
so that only changed files are transferred again.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from loader.atomic import DRAFT_PREFIX, replacing, write_whole
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.job import SHARDS_NAME
from loader.private_files import with_sidecars
from loader.remote.answers import Unreachable
from loader.remote.copies.archived import ARCHIVE_LIST_NAME, ARCHIVES_FOLDER
from loader.remote.copies.heads import COPY_NAME
from loader.remote.lease import LEASE_NAME
from loader.remote.objects import Objects
from loader.sources.partitions import PRIVATE_PREFIXES

NOTES_NAME = ".in-s3.json"
"""File of a working copy: which files are in S3, as which objects."""

ID_NAME = ".working-copy"
"""File with the id of a working copy. Leases name their holder by it."""

COPYING_NAME = ".copying"
"""File in which a copy of the checkpoint is made."""

OF_THIS_MACHINE = (NOTES_NAME, ID_NAME, COPYING_NAME, ARCHIVE_LIST_NAME, "lake.sqlite")
"""Names, or beginnings of names, of files that stay on their machine."""

_FILES_AT_ONCE = 16


@dataclass
class Notes:
    """What this machine knows about the objects of a part in S3.

    Attributes:
        etag: ETag of the last uploaded or downloaded copy of the checkpoint; None before the first one.
        is_own: Whether this machine wrote that copy. Its checkpoint is then at least as new.
        copied_at: Time of that copy in epoch seconds, if it was downloaded.
        files: ETag, size in bytes and modification time (ns) of each other file, by name below the part.
    """

    etag: str | None = None
    is_own: bool = True
    copied_at: float = 0.0
    files: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Notes":
        """Return the notes of a part; empty notes if no usable ones exist."""
        try:
            return _NOTES.validate_json((folder / NOTES_NAME).read_bytes(), strict=True)
        except (OSError, ValidationError):
            return cls()

    def write(self, folder: Path) -> None:
        """Store the notes of a part.

        Raises:
            OSError: The disk refuses.
        """
        write_whole(folder / NOTES_NAME, _NOTES.dump_json(self))


_NOTES = TypeAdapter(Notes)


def bring_files_down(
    objects: Objects, folder: str, into: Path, listed: Mapping[str, str], notes: Notes
) -> None:
    """Make the other files of a part equal to those in S3.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        into: The folder of this machine.
        listed: ETags of all objects of the run directory, by name.
        notes: Notes of the part; they are updated.

    Raises:
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses.
        OSError: The disk refuses.
    """
    below = {name.removeprefix(folder): etag for name, etag in listed.items() if name.startswith(folder)}
    others = tuple(  # nested run directories, such as one for corrected rows
        name.removesuffix(LEASE_NAME) for name in below if name.endswith(f"/{LEASE_NAME}")
    )
    there = {
        name: etag
        for name, etag in below.items()
        if _belongs(name) and not (others and name.startswith(others))
    }
    for name in [name for name in notes.files if name not in there]:
        (into / name).unlink(missing_ok=True)  # another machine removed it, as --keep does
        del notes.files[name]
    wanted = [
        name
        for name, etag in there.items()
        if notes.files.get(name, ("",))[0] != etag or not (into / name).exists()
    ]

    def fetch(name: str) -> None:
        path = into / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as file:
            stored = objects.download(folder + name, file)
            if stored is None:
                raise Unreachable(f"{objects.address}/{folder}{name} was removed while it was read")
        notes.files[name] = (stored.etag, *_seen(path))

    with ThreadPoolExecutor(_FILES_AT_ONCE) as threads:
        list(threads.map(fetch, wanted))


def bring_files_up(objects: Objects, folder: str, of: Path, notes: Notes) -> None:
    """Make the other files of a part in S3 equal to those of this machine.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        of: The folder of this machine.
        notes: Notes of the part; they are updated.

    Raises:
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses.
        OSError: The disk refuses.
    """
    here = dict(_files_of(of))
    for name, path in here.items():
        with suppress(FileNotFoundError):  # an abandoned thread of this process removed it
            seen = _seen(path)
            if notes.files.get(name, ("", -1, -1))[1:] != seen:
                # The log grows while it is uploaded, which would invalidate its checksum.
                with path.open("rb") as file, tempfile.TemporaryFile(dir=of) as still:
                    shutil.copyfileobj(file, still)
                    still.seek(0)
                    notes.files[name] = (objects.put(folder + name, still), *seen)
    for name in [name for name in notes.files if name not in here]:
        objects.remove(folder + name)
        del notes.files[name]


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of the files of a part that are kept in S3."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        # A folder with a checkpoint of its own is another run directory.
        folders[:] = [
            name
            for name in folders
            if _belongs(f"{(here / name).relative_to(folder).as_posix()}/x")
            and not (here / name / CHECKPOINT_NAME).exists()
        ]
        for name in names:
            path = here / name
            relative = path.relative_to(folder).as_posix()
            if _belongs(relative) and path.is_file() and not path.is_symlink():
                yield relative, path


def _belongs(name: str) -> bool:
    parts = name.split("/")
    first = parts[0]
    own = {COPY_NAME, LEASE_NAME, *(path.name for path in with_sidecars(Path(CHECKPOINT_NAME)))}
    return not (
        first in own
        or first == SHARDS_NAME
        or name.startswith(ARCHIVES_FOLDER)
        or first.startswith((*OF_THIS_MACHINE, *PRIVATE_PREFIXES))
        or name.endswith(".lock")
        or any(part.startswith(DRAFT_PREFIX) for part in parts)
        or not all(part.strip(".") for part in parts)  # a key can have "..", or an empty part
    )


def _seen(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
