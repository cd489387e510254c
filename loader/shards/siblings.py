"""Compare the part that a process will deliver with the other parts of the run directory.

Rules kept here:

1. All parts that run at the same time belong to one job and to one division into shards.
2. No unfinished work is ignored. If the number of shards has changed, the results of earlier shards are taken
   over, or the load is rejected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.plan import Plan, differences, setting_differences, shown
from loader.checkpoint.start.replacing import ONLY_FINISHED, Replacing
from loader.errors import CheckpointLocked, CheckpointMismatch
from loader.job import Shard
from loader.shards.parts import WHOLE, PartCheckpoint, part_folders, read_part


@dataclass(frozen=True, slots=True)
class Siblings:
    """The result of the comparison with the other parts of a run directory.

    Attributes:
        least_generation: Minimum generation of a new load.
        earlier: Parts of another division of the same load. Events that they delivered must not be sent
            again.
        is_over: Whether all parts of the load are finished, or another part began to send it again.
    """

    least_generation: int = 0
    earlier: Sequence[PartCheckpoint] = ()
    is_over: bool = True


def look_at_siblings(
    run_dir: Path,
    shard: Shard | None,
    plan: Plan,
    *,
    replacing: Replacing = ONLY_FINISHED,
    elsewhere: Sequence[PartCheckpoint] = (),
) -> Siblings:
    """Compare a part with the other parts of its run directory before it is opened.

    Args:
        run_dir: The run directory of the whole load.
        shard: The shard, or None for the whole load.
        plan: The plan of its load.
        replacing: Which loads the part replaces.
        elsewhere: Parts that other machines deliver; they count instead of those in the run directory.

    Raises:
        CheckpointLocked: A part of another division, or of another load, is being delivered.
        CheckpointMismatch: A part belongs to another job, or is unfinished and would be ignored.
        CheckpointError: A checkpoint cannot be read.
    """
    own = shard or WHOLE
    own_folder = dict(part_folders(run_dir)).get(own)
    is_new = own_folder is None
    others = _others(run_dir, own, elsewhere)
    _check_running(others, own, plan)
    for part in others:
        if not replacing.restart:
            _check_at_rest(part, own, plan, is_new=is_new, supersede=replacing.supersede)
    earlier = [
        part
        for part in others
        if part.shard.of != own.of and not replacing.restart and not any(differences(part.plan, plan))
    ]
    generations = list(_generations(others, earlier, own, plan, is_new=is_new))
    least = max(generations, default=0)
    division = [part for part in others if part.shard.of == own.of]
    return Siblings(least, earlier, is_over=_is_over(own, own_folder, division))


def begins_another_load(run_dir: Path, shard: Shard, plan: Plan, *, restart: bool = False) -> bool:
    """Return whether a shard has finished a load, and a plan is that of another load of the same job.

    A plan of another job is refused, so nothing should wait for it, unless the shard starts over.

    Args:
        run_dir: The run directory of the whole load.
        shard: The shard.
        plan: The plan of the load that the shard is about to deliver.
        restart: Whether the shard starts over.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    own = _own_part(run_dir, shard)
    if own is None or not own.is_finished or not any(differences(own.plan, plan)):
        return False
    return restart or not any(setting_differences(own.plan, plan))


def others_of_the_load(
    run_dir: Path, shard: Shard, elsewhere: Sequence[PartCheckpoint] = ()
) -> Sequence[PartCheckpoint]:
    """Return the other parts that have the load of a shard, in the same division.

    Args:
        run_dir: The run directory of the whole load.
        shard: The shard.
        elsewhere: Parts that other machines deliver; they count instead of those in the run directory.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    own = _own_part(run_dir, shard)
    assert own is not None  # the caller opened it
    parts = [part for part in _others(run_dir, shard, elsewhere) if part.shard.of == shard.of]
    return [part for part in parts if not any(differences(part.plan, own.plan))]


def _own_part(run_dir: Path, own: Shard) -> PartCheckpoint | None:
    folder = dict(part_folders(run_dir)).get(own)
    return None if folder is None else read_part(own, folder)


def _others(run_dir: Path, own: Shard, elsewhere: Sequence[PartCheckpoint]) -> Sequence[PartCheckpoint]:
    known = {part.shard for part in elsewhere} | {own}
    here = [read_part(each, folder) for each, folder in part_folders(run_dir) if each not in known]
    return [*here, *elsewhere]


def _is_over(own: Shard, folder: Path | None, others: Sequence[PartCheckpoint]) -> bool:
    """Return whether a part of a finished load may be sent again.

    While some parts are unfinished, the same command resumes them and must not send the finished ones again.
    """
    if len(others) < own.of - 1:
        return False
    if all(part.is_finished for part in others):
        return True
    return folder is not None and any(part.generation > read_part(own, folder).generation for part in others)


def check_same_load(run_dir: Path, shard: Shard, elsewhere: Sequence[PartCheckpoint]) -> None:
    """Check that the shards that other machines deliver belong to the load of an opened shard.

    Args:
        run_dir: The run directory of the whole load.
        shard: The shard.
        elsewhere: Parts that other machines deliver or delivered.

    Raises:
        CheckpointLocked: A part of another load is being delivered.
        CheckpointError: A checkpoint cannot be read.
    """
    if elsewhere:
        own = _own_part(run_dir, shard)
        assert own is not None  # the caller opened it
        _check_running(elsewhere, shard, own.plan)


def _check_running(parts: Sequence[PartCheckpoint], own: Shard, plan: Plan) -> None:
    for part in parts:
        changes = list(differences(part.plan, plan))
        if part.is_running and (part.shard.of != own.of or changes):
            division = f"this would be {_named(own)}, and all running parts must belong to one division"
            raise CheckpointLocked(
                f"Another process delivers {_named(part.shard)} in the run directory.",
                where=str(part.run_dir),
                why=shown(changes) if changes else division,
                next_step="wait for it or stop it, or name another --run-dir",
            )


def _check_at_rest(part: PartCheckpoint, own: Shard, plan: Plan, *, is_new: bool, supersede: bool) -> None:
    other_job = list(setting_differences(part.plan, plan))
    if other_job:
        raise CheckpointMismatch(
            f"The run directory contains {_named(part.shard)} of another job; nothing in it was changed.",
            where=str(part.run_dir),
            why=shown(other_job),
            next_step="name another --run-dir, or start each part over with --restart",
        )
    changes = list(differences(part.plan, plan))
    is_other_division = part.shard.of != own.of
    would_be_passed_over = is_other_division and not part.is_finished
    would_be_mixed = not is_other_division and is_new
    if changes and not supersede and (would_be_passed_over or would_be_mixed):
        raise CheckpointMismatch(
            f"The run directory contains {_named(part.shard)} of other files; nothing in it was changed.",
            where=str(part.run_dir),
            why=shown(changes),
            next_step="name the files with which its load began, or another --run-dir, or replace it with "
            "--unfinished supersede",
        )


def _generations(
    others: Sequence[PartCheckpoint],
    earlier: Sequence[PartCheckpoint],
    own: Shard,
    plan: Plan,
    *,
    is_new: bool,
) -> Iterator[int]:
    """Yield generations. The generation of the part must not be lower than any of them."""
    for part in others:
        if part in earlier:
            yield part.generation
        elif part.shard.of != own.of:
            yield part.generation + 1
        elif is_new and not any(differences(part.plan, plan)):
            yield part.generation


def _named(shard: Shard) -> str:
    return "the whole load" if shard == WHOLE else f"shard {shard}"
