"""A load at the level of its checkpoint, copied to objects in memory, for the tests of archives."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from loader.checkpoint import Checkpoint, open_checkpoint
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.model import SlicePlan
from loader.remote.copier import Copier
from loader.remote.copies.archived import ARCHIVES_FOLDER
from loader.remote.copies.restoring import restore_copy
from loader.remote.objects import Objects
from loader.remote.other_files import Notes
from loader.remote.pace import ArchiveSizes
from loader.remote.working_copy import Place
from tests.checkpoint.sample_loads import Clock, accepted, load_plan, put_aside, window_plan
from tests.remote.memory_objects import MemoryObjects

EACH_WINDOW = ArchiveSizes(least_bytes=1, most_bytes=1)
"""Each window that finishes has an archive of its own."""

NO_WINDOW = ArchiveSizes(least_bytes=2**40, most_bytes=2**40)
"""All is in the head, as earlier versions of the loader wrote it."""

PROCESSES = iter(range(10**6))


def copier_of(objects: Objects, folder: Path, sizes: ArchiveSizes = EACH_WINDOW) -> Copier:
    """Return the copier of a new process that has the lease."""
    return Copier(objects, Place("", folder), f"machine:1-{next(PROCESSES):08x}", Notes.of(folder), sizes)


def content(path: Path) -> dict[str, Any]:
    """Return all that is in a checkpoint: identity, definitions, and the rows of each table in order."""
    with closing(sqlite3.connect(path)) as connection:
        definitions = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
        found: dict[str, Any] = {"definitions": definitions.fetchall()}
        for pragma in ("application_id", "user_version"):
            found[pragma] = connection.execute(f"PRAGMA {pragma}").fetchall()
        for kind, name, _ in found["definitions"]:
            if kind == "table":
                found[name] = connection.execute(f"SELECT * FROM {name}").fetchall()
    return found


def restored(objects: Objects, into: Path) -> Path:
    """Restore the copy as a machine that takes over does, and return the checkpoint."""
    notes = Notes.of(into)
    back = restore_copy(objects, "", into)
    notes.etag, notes.is_own, notes.copied_at = back.stored.etag, False, back.copied_at
    notes.write(into)
    return into / CHECKPOINT_NAME


def archives_in(objects: MemoryObjects) -> set[str]:
    """Return the names of the archives in S3."""
    return {name for name in objects.kept if name.startswith(ARCHIVES_FOLDER)}


@contextmanager
def a_load(folder: Path, clock: Callable[[], float] | None = None, **options: Any) -> Iterator[Checkpoint]:
    """Open the checkpoint of a load of small windows."""
    with open_checkpoint(folder, load_plan(), clock=clock or Clock(), **options) as checkpoint:
        yield checkpoint


def placed(plan: SlicePlan) -> SlicePlan:
    """Return a plan with the places of its events, as a load has it."""
    return replace(plan, places=[3 * index for index in range(len(plan.events))])


async def finish(checkpoint: Checkpoint, *windows: int, failed: int | None = None) -> None:
    """Plan windows, and accept their events, but one if it is named."""
    for window in windows:
        checkpoint.begin_slice(placed(window_plan(window)))
        for index in range(8):
            result = put_aside if index == failed else accepted
            checkpoint.record(result(window, index))
    await checkpoint.flush()
