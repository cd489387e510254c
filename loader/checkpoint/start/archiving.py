"""Archive the checkpoint of a load before another load begins, and number the generation of the new load.

A checkpoint consists of several files, and its load also has rejected rows and a log. All are renamed. The
name of the load is recorded first (``ARCHIVING_NAME``). If a run is killed between two renames, the next run
completes them. So a load never resumes from a part of a checkpoint.

The *generation* of a load is the number of loads that it and its predecessors replaced. It is part of each
token. So the service accepts a deliberate second load of the same bytes as a new load. With the same tokens,
the service would answer it like a retry and load nothing. The generation is stored in checkpoints. If a run
directory is lost and its load is repeated by mistake, the second load has generation 0 and the same tokens as
the first one.
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

ARCHIVED_NAME = "checkpoint-{}.sqlite"
"""Name of an archived checkpoint. It contains the name of its load."""

UNREADABLE_PREFIX = "unreadable-"
"""Start of the load's name for a damaged checkpoint that ``--restart`` archived."""

ARCHIVING_NAME = "making-way"
"""File with the name of the load that is being archived. It exists only during the renames."""


def next_generation(run_dir: Path, archived: Sequence[int | None]) -> int:
    """Return the generation of a new load. It is above the generations of all archived loads.

    It is at least the number of these loads, because the generation of a damaged checkpoint is unknown. Loads
    that ``--keep`` removed count too.

    Args:
        run_dir: The load's directory.
        archived: Generation of the load that is archived now (None if it cannot be read), or empty.

    Raises:
        CheckpointCorrupt: The list of removed loads is damaged.
        OSError: That list cannot be read.
    """
    kept = {path.name: _stored(path) for path in run_dir.glob(ARCHIVED_NAME.format("*"))}
    removed = {ARCHIVED_NAME.format(load.load_id): load.generation for load in removed_loads(run_dir)}
    loads = [*(removed | kept).values(), *archived]
    return max([len(loads), *(generation + 1 for generation in loads if generation is not None)])


def _stored(path: Path) -> int | None:
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return read_generation(connection)
    except (sqlite3.Error, ValueError):
        return None  # damaged, or of an older format


def archive_checkpoint(run_dir: Path, name: str) -> None:
    """Rename the checkpoint of a run directory and the files of its load.

    Args:
        run_dir: The load's directory.
        name: The name of the load for the new names.

    Raises:
        OSError: A rename failed.
    """
    write_whole(run_dir / ARCHIVING_NAME, name.encode())
    finish_archiving(run_dir)


def archived_name(name: str, load_id: str) -> str:
    """Return the name of a file or folder of a load after its checkpoint was archived."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{load_id}{dot}{suffix}"


def finish_archiving(run_dir: Path) -> None:
    """Complete the renames of ``archive_checkpoint`` if they were interrupted.

    Raises:
        OSError: A rename failed.
    """
    intent = run_dir / ARCHIVING_NAME
    if not intent.exists():
        return
    name = intent.read_text(encoding="utf-8")
    renames = [
        (CHECKPOINT_NAME + suffix, ARCHIVED_NAME.format(name) + suffix) for suffix in ("", *SQLITE_SIDECARS)
    ]
    not_loaded = [folder.name for folder in not_loaded_folders(run_dir)]
    beside = [(each, archived_name(each, name)) for each in (REJECTED_NAME, *not_loaded, LOG_NAME)]
    for old, new in (*renames, *beside):
        # The sidecars are renamed even without a checkpoint. Otherwise SQLite would use an old log for a new
        # file.
        if os.path.lexists(run_dir / old):
            (run_dir / old).rename(run_dir / new)
    flush_folder(run_dir)
    intent.unlink()
    flush_folder(run_dir)
