"""How a checkpoint makes way for that of another load, and how many did.

A checkpoint is several files, and rejected rows and log lie beside it: several names are given, one after the
other. What is to be done is written down first (``MAKING_WAY_NAME``), so that a run that is killed between
two of them is finished by the next one, whatever that one is asked to do. Half of a checkpoint is never
resumed.

The number of loads that made way is the *generation* of the one that follows. It is part of every token. A
deliberate second load of the same bytes is thus a new load to the service, not a retry of the first one,
which the service would answer without doing anything. It is kept in checkpoints: an accidental second run,
whose run directory was lost, has generation 0 and the same tokens as before.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from loader.atomic import flush_folder, write_whole
from loader.checkpoint.file_names import CHECKPOINT_NAME, LOG_NAME, REJECTED_NAME
from loader.checkpoint.queries import read_generation
from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.checkpoint.start.removed_loads import removed_loads
from loader.private_files import SQLITE_SIDECARS

KEPT_NAME = "checkpoint-{}.sqlite"
"""A checkpoint that made way for another load, named by its load."""

UNREADABLE_PREFIX = "unreadable-"
"""Begins the name of a damaged checkpoint that ``--restart`` put aside."""

MAKING_WAY_NAME = "making-way"
"""Holds the name of the load that is making way, while it is."""


def next_generation(run_dir: Path, making_way: Sequence[int | None]) -> int:
    """Return the generation of a load that begins: above those of all loads that are kept in its directory.

    Each of these made way for a later one, so the number of those that cannot be read counts as well. Loads
    that ``--keep`` removed count as if they were there.

    Args:
        run_dir: The load's directory.
        making_way: Generation of the load that makes way now, None if it cannot be read; empty if none does.

    Raises:
        CheckpointCorrupt: The list of removed loads cannot be understood.
        OSError: That list cannot be read.
    """
    kept = {path.name: _stored(path) for path in run_dir.glob(KEPT_NAME.format("*"))}
    removed = {KEPT_NAME.format(load.load_id): load.generation for load in removed_loads(run_dir)}
    loads = [*(removed | kept).values(), *making_way]
    return max([len(loads), *(generation + 1 for generation in loads if generation is not None)])


def _stored(path: Path) -> int | None:
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return read_generation(connection)
    except (sqlite3.Error, ValueError):
        return None  # damaged, or of an older format


def make_way(run_dir: Path, name: str) -> Path:
    """Name the checkpoint of a run directory and its rejected rows after a load; return the new path.

    Args:
        run_dir: The load's directory.
        name: What stands in the names.

    Raises:
        OSError: The disk refused.
    """
    write_whole(run_dir / MAKING_WAY_NAME, name.encode())
    finish_making_way(run_dir)
    return run_dir / KEPT_NAME.format(name)


def aside(name: str, load_id: str) -> str:
    """Return the name that a file or folder beside a checkpoint gets when its load makes way."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{load_id}{dot}{suffix}"


def finish_making_way(run_dir: Path) -> None:
    """Do what is left of a ``make_way`` that was begun; nothing if none was.

    Raises:
        OSError: The disk refused.
    """
    intent = run_dir / MAKING_WAY_NAME
    if not intent.exists():
        return
    name = intent.read_text(encoding="utf-8")
    renames = [
        (CHECKPOINT_NAME + suffix, KEPT_NAME.format(name) + suffix) for suffix in ("", *SQLITE_SIDECARS)
    ]
    not_loaded = [folder.name for folder in not_loaded_folders(run_dir)]
    beside = [(each, aside(each, name)) for each in (REJECTED_NAME, *not_loaded, LOG_NAME)]
    for old, new in (*renames, *beside):
        # Sidecars also without a checkpoint: SQLite would take an old log for the new file's.
        if os.path.lexists(run_dir / old):
            (run_dir / old).rename(run_dir / new)
    flush_folder(run_dir)
    intent.unlink()
    flush_folder(run_dir)
