"""The parts of a load in one run directory: the checkpoint of the whole load, or one for each shard.

    RUN_DIR/checkpoint.sqlite                  the whole load
    RUN_DIR/shards/2of4/checkpoint.sqlite      the second of four shards

Each part has a separate lock, so two processes never deliver the same part.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.plan import Plan
from loader.checkpoint.queries import is_finished, read_generation, read_last_run
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.archiving import ARCHIVED_NAME
from loader.checkpoint.start.lock import holding, look_without_locking, unwritable
from loader.errors import CheckpointError
from loader.job import SHARDS_NAME, Shard
from loader.private_files import make_private_folder

WHOLE = Shard(number=1, of=1)
"""The part that a load without shards delivers."""

OPENING_NAME = "opening.lock"
"""Lock that is held while a part is opened, so that two processes do not compare parts at the same time."""

OPENING_SECONDS = 120.0
"""Maximum wait for this lock."""


@dataclass(frozen=True, slots=True)
class PartCheckpoint:
    """A checkpoint of a run directory.

    Attributes:
        shard: Its shard.
        run_dir: Its folder.
        load_id: Id of its load.
        created_at: Start of its load, in epoch seconds.
        generation: Number of earlier loads of the folder that this load replaced.
        plan: The stored plan of its load.
        is_finished: Whether its load is finished.
        is_running: Whether a process works on it now.
        last_run_at: Start of its last run, in epoch seconds.
    """

    shard: Shard
    run_dir: Path
    load_id: str
    created_at: float
    generation: int
    plan: Plan
    is_finished: bool
    is_running: bool
    last_run_at: float


def shard_folders(run_dir: Path) -> Sequence[tuple[Shard, Path]]:
    """Return the folders of shards that have a checkpoint, ordered by number of shards, then by shard."""
    try:
        names = [each.name for each in (run_dir / SHARDS_NAME).iterdir()]
    except OSError:
        return []
    shards = [shard for name in names if (shard := Shard.of_folder(name)) is not None]
    folders = [(shard, run_dir / SHARDS_NAME / shard.folder) for shard in shards]
    there = [(shard, folder) for shard, folder in folders if os.path.lexists(folder / CHECKPOINT_NAME)]
    return sorted(there, key=lambda each: (each[0].of, each[0].number))


def part_folders(run_dir: Path) -> Sequence[tuple[Shard, Path]]:
    """Return the folders that have a checkpoint: the run directory itself, and those of shards."""
    whole = [(WHOLE, run_dir)] if os.path.lexists(run_dir / CHECKPOINT_NAME) else []
    return [*whole, *shard_folders(run_dir)]


def read_part(shard: Shard, folder: Path) -> PartCheckpoint:
    """Read the checkpoint of a part, without a change to it.

    Raises:
        CheckpointError: The checkpoint cannot be read.
    """
    with (
        look_without_locking(folder) as pid,
        open_for_reading(folder, alive=pid is not None) as connection,
    ):
        load_id, created_at, plan = read_plan(connection)
        generation, finished = read_generation(connection), is_finished(connection)
        last_run = read_last_run(connection)
    is_running = pid is not None
    last_run_at = created_at if last_run is None else last_run[0]
    return PartCheckpoint(
        shard, folder, load_id, created_at, generation, plan, finished, is_running, last_run_at
    )


def load_before(run_dir: Path, generation: int) -> tuple[Path, str]:
    """Return the folder and the id of the load before another load, as its first shard has them.

    Args:
        run_dir: The run directory.
        generation: Generation of the later load.
    """
    found: list[tuple[int, Path, str]] = []
    for shard, folder in part_folders(run_dir):
        if shard.number > 1:
            continue
        with suppress(CheckpointError):
            part = read_part(shard, folder)
            found.append((part.generation, folder, part.load_id))
        for path in folder.glob(ARCHIVED_NAME.format("*")):
            with suppress(CheckpointError), open_for_reading(folder, alive=False, name=path.name) as kept:
                found.append((read_generation(kept), folder, read_plan(kept)[0]))
    earlier = [each for each in found if each[0] < generation]
    _, folder, load_id = max(earlier, default=(0, run_dir, f"before-generation-{generation}"))
    return folder, load_id


@contextmanager
def opening(run_dir: Path) -> Iterator[None]:
    """Prevent other parts of the run directory from being opened during the ``with`` block.

    Raises:
        CheckpointLocked: Another process holds the lock for too long.
        CheckpointError: The folder cannot be used.
    """
    path = run_dir / SHARDS_NAME / OPENING_NAME
    try:
        make_private_folder(run_dir)
        make_private_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    with holding(path, OPENING_SECONDS):
        yield
