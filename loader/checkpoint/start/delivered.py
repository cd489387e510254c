"""Which files the loads of a run directory delivered: its checkpoints say it, and a list of removed ones.

A file is known by its content (size and fingerprint; of a large one, also by its modification time), not by
its name: an inbox renames files. Only loads that came to their end count, and only of the same destination.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.checkpoint.queries import read_last_run
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.schema import CHECKPOINT_NAME
from loader.checkpoint.start.making_way import KEPT_NAME
from loader.errors import CheckpointError
from loader.model import SourceFile

LIST_NAME = "delivered.jsonl"
"""Files of loads whose checkpoints were removed: a line for each."""

DESTINATION = ("service", "instance_id", "event_type", "dataset_arn", "operation")
"""Plan settings that say where a load goes: the same file may go to two places."""

Identity = tuple[int, str, int]
"""Size in bytes, fingerprint, and modification time in nanoseconds (0 where the fingerprint is of all)."""


@dataclass(frozen=True, slots=True)
class StoredLoad:
    """A load whose checkpoint lies in the run directory."""

    load_id: str
    settings: Mapping[str, Any]
    files: Sequence[SourceFile]
    is_finished: bool


def identity(file: SourceFile) -> Identity:
    """Return what makes two files the same."""
    return file.size_bytes, file.fingerprint, file.modified_ns if file.is_sampled else 0


def present_load(run_dir: Path) -> StoredLoad | None:
    """Return the load that the run directory holds now; None if there is none or it cannot be read."""
    return _read(run_dir, CHECKPOINT_NAME) if (run_dir / CHECKPOINT_NAME).exists() else None


def delivered_before(run_dir: Path, settings: Mapping[str, Any]) -> dict[Identity, str]:
    """Return the files that earlier loads delivered to the same destination, with the path of each then.

    Args:
        run_dir: The run directory.
        settings: The plan settings of the load that asks.
    """
    there = _destination(settings)
    found: dict[Identity, str] = {}
    path = run_dir / LIST_NAME
    for line in path.read_bytes().splitlines() if path.exists() else ():
        size_bytes, fingerprint, modified_ns, name, destination = orjson.loads(line)
        if destination == there:
            found[size_bytes, fingerprint, modified_ns] = name
    for kept in run_dir.glob(KEPT_NAME.format("*")):
        load = _read(run_dir, kept.name)
        if load is not None and load.is_finished and _destination(load.settings) == there:
            found |= {identity(file): file.path for file in load.files}
    return found


def is_for(load: StoredLoad, settings: Mapping[str, Any]) -> bool:
    """Return whether a load goes where one with these settings goes."""
    return _destination(load.settings) == _destination(settings)


def _destination(settings: Mapping[str, Any]) -> list[Any]:
    return [settings.get(name) for name in DESTINATION]


def _read(run_dir: Path, name: str) -> StoredLoad | None:
    try:
        with open_for_reading(run_dir, alive=False, name=name) as connection:
            load_id, _, plan = read_plan(connection)
            last_run = read_last_run(connection)
    except (CheckpointError, sqlite3.Error):
        return None  # its files count as not delivered: they are sent again rather than lost
    is_finished = last_run is not None and last_run[2] is not None and last_run[2].complete
    return StoredLoad(load_id, plan.settings, plan.files, is_finished)
