"""Find the files that loads of a run directory delivered, in their checkpoints and the list of removed loads.

A file is identified by its content and not by its name, because files of an inbox may be renamed. The
identity is the size and the fingerprint, and for a large file also the modification time. Only complete loads
to the same destination count.
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.queries import is_finished
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.archiving import ARCHIVED_NAME, UNREADABLE_PREFIX
from loader.checkpoint.start.removed_loads import removed_loads
from loader.errors import CheckpointError
from loader.model import SourceFile
from loader.sources.local_paths import S3_SCHEME

_DESTINATION = ("service", "instance_id", "event_type", "dataset_arn", "operation")
"""Plan settings that identify the destination of a load. The same file may be loaded to two destinations."""

Identity = tuple[int, str, int]
"""Size in bytes, fingerprint, and modification time in nanoseconds. The time is 0 if the fingerprint covers
the whole content."""


@dataclass(frozen=True, slots=True)
class StoredLoad:
    """A load with a checkpoint in the run directory."""

    load_id: str
    settings: Mapping[str, Any]
    files: Sequence[SourceFile]
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """The files that earlier loads of a run directory delivered.

    Attributes:
        paths: The path of each file when it was delivered, by its identity.
        unreadable: Checkpoints that cannot be read. Their files count as not delivered.
    """

    paths: dict[Identity, str] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)


def identity(file: SourceFile) -> Identity:
    """Return the identity of a file."""
    return file.size_bytes, file.fingerprint, file.modified_ns if file.is_sampled else 0


def gone_or_changed(stored: Sequence[SourceFile], given: Sequence[SourceFile]) -> tuple[str, ...]:
    """Return the paths of stored files that have other content now, or are gone from this machine.

    Args:
        stored: The files of a load.
        given: The files that are given now.
    """
    contents, paths = {identity(file) for file in given}, {file.path for file in given}
    elsewhere = [file.path for file in stored if identity(file) not in contents]
    return tuple(
        path
        for path in elsewhere
        if path in paths or not (path.startswith(S3_SCHEME) or os.path.lexists(path))
    )


def present_load(run_dir: Path) -> StoredLoad | None:
    """Return the present load of the run directory, or None if it does not exist or cannot be read."""
    return _read(run_dir, CHECKPOINT_NAME) if (run_dir / CHECKPOINT_NAME).exists() else None


def delivered_before(run_dir: Path, settings: Mapping[str, Any]) -> Delivered:
    """Return the files that earlier loads delivered to the same destination.

    Args:
        run_dir: The run directory.
        settings: The plan settings of the load that begins.

    Raises:
        CheckpointError: The list of removed loads cannot be read.
    """
    there = destination_of(settings)
    found = Delivered()
    try:
        removed = removed_loads(run_dir)
    except OSError as error:
        raise CheckpointError(
            "The list of delivered files cannot be read.",
            where=str(error.filename or run_dir),
            why=error.strerror or str(error),
            next_step="make it readable, or name another --run-dir",
        ) from error
    for load in removed:
        if load.destination == there:
            found.paths.update({(size, digest, at): path for size, digest, at, path in load.files})
    for kept in sorted(run_dir.glob(ARCHIVED_NAME.format("*"))):
        stored = _read(run_dir, kept.name)
        if stored is None and not kept.name.startswith(ARCHIVED_NAME.partition("{}")[0] + UNREADABLE_PREFIX):
            found.unreadable.append(kept)
        elif stored is None:
            continue  # a damaged checkpoint that --restart replaced, with a message
        elif stored.is_finished and destination_of(stored.settings) == there:
            found.paths.update({identity(file): file.path for file in stored.files})
    return found


def is_for(load: StoredLoad, settings: Mapping[str, Any]) -> bool:
    """Return whether a load has the same destination as a load with these plan settings."""
    return destination_of(load.settings) == destination_of(settings)


def destination_of(settings: Mapping[str, Any]) -> list[Any]:
    """Return the destination of a load with these plan settings."""
    return [settings.get(name) for name in _DESTINATION]


def _read(run_dir: Path, name: str) -> StoredLoad | None:
    try:
        with open_for_reading(run_dir, alive=False, name=name) as connection:
            load_id, _, plan = read_plan(connection)
            return StoredLoad(load_id, plan.settings, plan.files, is_finished(connection))
    except (CheckpointError, sqlite3.Error):
        return None
