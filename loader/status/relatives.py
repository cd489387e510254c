"""Loads of corrected rows, and the loads that they correct."""

from pathlib import Path

from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.schema import CHECKPOINT_NAME
from loader.checkpoint.start.lock import look_without_locking
from loader.checkpoint.start.making_way import KEPT_NAME
from loader.errors import CheckpointError

CORRECTED_NAME = "corrected"
"""Run directory of the corrected rows, inside that of the load they were rejected by; for an earlier load of
that directory, its id follows."""

CORRECTED_NOT_LOADED_NAME = "corrected-not-loaded"
"""The same for rows that were accepted and not loaded, or refused by the service."""


def parent_of(run_dir: Path) -> Path | None:
    """Return run directory, or kept checkpoint, of the load whose rows a load corrects; None if of none."""
    name, folder = run_dir.name, run_dir.parent
    if not name.startswith(CORRECTED_NAME):
        return None
    if name in (CORRECTED_NAME, CORRECTED_NOT_LOADED_NAME):
        return folder if (folder / CHECKPOINT_NAME).exists() else None
    kept = folder / KEPT_NAME.format(name.removeprefix(f"{CORRECTED_NAME}-"))
    return kept if kept.exists() else None


def child_of(checkpoint: Path, load_id: str, began_at: float) -> Path | None:
    """Return the run directory of the load of a load's corrected rows; None if there is none.

    Args:
        checkpoint: The load's checkpoint, present or kept.
        load_id: Its id.
        began_at: When it began, in epoch seconds: a child that is older corrects an earlier load.
    """
    is_earlier = checkpoint.name != CHECKPOINT_NAME
    child = checkpoint.parent / (f"{CORRECTED_NAME}-{load_id}" if is_earlier else CORRECTED_NAME)
    if not (child / CHECKPOINT_NAME).exists():
        return None
    try:
        with look_without_locking(child) as pid, open_for_reading(child, alive=pid is not None) as connection:
            return child if read_plan(connection)[1] >= began_at else None
    except CheckpointError:
        return None
