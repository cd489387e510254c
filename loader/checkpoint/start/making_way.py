"""The replacement of a checkpoint by that of another load, and the generation of the new load.

A checkpoint consists of several files, and rejected rows and log are beside it, so several files are renamed.
The intention is recorded first (``MAKING_WAY_NAME``). If a run is killed between two renames, the next run
completes them. Half of a checkpoint is never resumed.

The *generation* of a load is the number of loads that it and its predecessors replaced. It is part of every
token. A deliberate second load of the same bytes is therefore a new load for the service and not a retry of
the first one, which the service would answer without effect. The generation is stored in checkpoints. An
accidental second run, whose run directory was lost, has generation 0 and the same tokens as before.
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
"""Name of a checkpoint that was replaced, with the name of its load."""

UNREADABLE_PREFIX = "unreadable-"
"""Prefix of the name of a damaged checkpoint that ``--restart`` replaced."""

MAKING_WAY_NAME = "making-way"
"""File with the name of the load that is being replaced, during the replacement."""


def next_generation(run_dir: Path, making_way: Sequence[int | None]) -> int:
    """Return the generation of a load that begins: above those of all loads that are kept in its directory.

    Each of these was replaced by a later one, so checkpoints that cannot be read count too. Loads that
    ``--keep`` removed also count.

    Args:
        run_dir: The load's directory.
        making_way: Generation of the load that is replaced now (None if it cannot be read), or empty.

    Raises:
        CheckpointCorrupt: The list of removed loads is damaged.
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
    """Rename the checkpoint of a run directory and the files beside it; return the new path.

    Args:
        run_dir: The load's directory.
        name: The part of the new names that identifies the load.

    Raises:
        OSError: A rename failed.
    """
    write_whole(run_dir / MAKING_WAY_NAME, name.encode())
    finish_making_way(run_dir)
    return run_dir / KEPT_NAME.format(name)


def aside(name: str, load_id: str) -> str:
    """Return the new name of a file or folder beside a checkpoint that is replaced."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{load_id}{dot}{suffix}"


def finish_making_way(run_dir: Path) -> None:
    """Complete a ``make_way`` that was interrupted, if there is one.

    Raises:
        OSError: A rename failed.
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
        # The sidecars are renamed even without a checkpoint, or SQLite would use an old log for the new file.
        if os.path.lexists(run_dir / old):
            (run_dir / old).rename(run_dir / new)
    flush_folder(run_dir)
    intent.unlink()
    flush_folder(run_dir)
