"""Reject a load whose checkpoint does not fit on the disk, before anything is sent."""

import shutil
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.errors import CheckpointError
from loader.extract import Extract
from loader.model import MAX_EVENT_BYTES
from loader.report import figures

BYTES_PER_EVENT = 25
"""Bytes of the checkpoint per event: 16 for the receipt, 8 for the place, and the overhead of SQLite's pages.
Measured by tests/checkpoint/test_size.py."""


LONG_ROW_BYTES = 4096
"""Assumed length in bytes of a row of a text file. Most rows are much shorter, so the estimated number of
rows is a lower bound."""


def check_free_space(extract: Extract, run_dir: Path) -> None:
    """Reject a load if the disk of its run directory has too little space for its checkpoint.

    The estimate is a lower bound. A load that passes may still fill the disk. It can be resumed later.

    Raises:
        CheckpointError: There is too little space.
    """
    events = least_events(extract)
    there = _size_bytes(run_dir / CHECKPOINT_NAME)
    needed = events * BYTES_PER_EVENT - there
    folder = _existing(run_dir)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # the opening of the checkpoint reports the error
    if free >= needed:
        return
    raise CheckpointError(
        "The disk of the run directory has too little room for the checkpoint; nothing was sent.",
        where=str(run_dir),
        why=f"{figures.size(free)} are free, and {figures.counted(events, 'event')} need at least "
        f"{figures.size(needed)}",
        next_step="free space, or name a folder on another disk with --run-dir",
    )


def least_events(extract: Extract) -> int:
    """Return a lower bound for the number of events of a load, before its extract is read."""
    if any(mapping.filter is not None for mapping in extract.mappings):
        return 0
    rows = sum(
        file.size_bytes // LONG_ROW_BYTES if file.rows is None else file.rows for file in extract.files
    )
    if extract.packing.shared:
        rows = rows * extract.row_bytes // MAX_EVENT_BYTES
    return rows // (1 if extract.shard is None else extract.shard.of)


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())
