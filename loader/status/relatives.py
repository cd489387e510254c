"""Loads of corrected rows, and the loads that they correct."""

from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.archiving import ARCHIVED_NAME
from loader.checkpoint.start.correction_folders import REASONS_NAME, not_loaded_folders
from loader.checkpoint.start.lock import look_without_locking
from loader.errors import CheckpointError
from loader.shards.parts import shard_folders

CORRECTED_NAME = "corrected"
"""Run directory of the corrected rows, inside the run directory of the load that rejected them. For an
earlier load of that directory, the load's id follows the name."""

CORRECTED_NOT_LOADED_NAME = "corrected-not-loaded"
"""The same for rows that the service refused, or accepted but did not load."""


def parent_of(run_dir: Path) -> Path | None:
    """Return the run directory, or kept checkpoint, of the load that a load corrects, or None."""
    name, folder = run_dir.name, run_dir.parent
    if not name.startswith(CORRECTED_NAME):
        return None
    if name in (CORRECTED_NAME, CORRECTED_NOT_LOADED_NAME):
        return folder if (folder / CHECKPOINT_NAME).exists() or shard_folders(folder) else None
    load_id = name.removeprefix(CORRECTED_NOT_LOADED_NAME).removeprefix(CORRECTED_NAME).removeprefix("-")
    kept = folder / ARCHIVED_NAME.format(load_id)
    return kept if kept.exists() else None


def child_not_loaded_of(checkpoint: Path, load_id: str, began_at: float) -> Path | None:
    """Return the load of the rows that were not loaded; None if more such rows were found later.

    Args:
        checkpoint: The load's checkpoint, present or kept.
        load_id: Its id.
        began_at: When it began, in epoch seconds.
    """
    child = child_of(checkpoint, load_id, began_at, CORRECTED_NOT_LOADED_NAME)
    is_earlier = checkpoint.name != CHECKPOINT_NAME
    folders = not_loaded_folders(checkpoint.parent, load_id if is_earlier else "")
    return child if child is None or not folders else if_not_older(child, folders[-1])


def if_not_older(child: Path, rows: Path) -> Path | None:
    """Return the run directory of corrected rows; None if the rows to correct were written later."""
    reasons = rows / REASONS_NAME
    if not reasons.exists() or (child / CHECKPOINT_NAME).stat().st_mtime >= reasons.stat().st_mtime:
        return child
    return None


def child_of(checkpoint: Path, load_id: str, began_at: float, name: str = CORRECTED_NAME) -> Path | None:
    """Return the run directory of the load of a load's corrected rows; None if it does not exist.

    Args:
        checkpoint: The load's checkpoint, present or kept.
        load_id: Its id.
        began_at: When the load began, in epoch seconds. An older child corrects an earlier load.
        name: Name of the run directory.
    """
    is_earlier = checkpoint.name != CHECKPOINT_NAME
    child = checkpoint.parent / (f"{name}-{load_id}" if is_earlier else name)
    if not (child / CHECKPOINT_NAME).exists():
        return None
    try:
        with look_without_locking(child) as pid, open_for_reading(child, alive=pid is not None) as connection:
            return child if read_plan(connection)[1] >= began_at else None
    except CheckpointError:
        return None
