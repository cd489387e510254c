"""Find the shards of the present load of a run directory."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.plan import differences
from loader.errors import CheckpointError
from loader.job import Shard
from loader.shards.parts import PartCheckpoint, part_folders, read_part, shard_folders


@dataclass(frozen=True, slots=True)
class Division:
    """The shards of the load that began last in a run directory.

    Attributes:
        of: Number of shards of the load.
        parts: Shards with a checkpoint, in the order of their numbers.
        missing: The other shards. No process has begun them.
    """

    of: int
    parts: Sequence[PartCheckpoint]
    missing: Sequence[Shard]


def present_division(run_dir: Path) -> Division | None:
    """Return the shards of a run directory, or None if its load has no shards.

    Raises:
        CheckpointError: None of the checkpoints can be read.
    """
    if not shard_folders(run_dir):
        return None
    parts, problem = [], None
    for shard, folder in part_folders(run_dir):
        try:
            parts.append(read_part(shard, folder))
        except CheckpointError as error:
            problem = error
    if not parts:
        assert problem is not None
        raise problem
    of, together = _present(parts)
    if of == 1:
        return None
    if problem is not None:
        raise problem
    known = {part.shard.number for part in together}
    missing = [Shard(number=number, of=of) for number in range(1, of + 1) if number not in known]
    return Division(of, together, missing)


def _present(parts: Sequence[PartCheckpoint]) -> tuple[int, Sequence[PartCheckpoint]]:
    """Return the number of shards of the load that began last, and its parts.

    If the number of shards changed between runs, the division with a running shard is the present one, else a
    finished division, else the one that ran last.
    """
    latest = max(parts, key=lambda part: part.created_at)
    divisions: defaultdict[int, list[PartCheckpoint]] = defaultdict(list)
    for part in parts:
        if part.generation == latest.generation and not any(differences(part.plan, latest.plan)):
            divisions[part.shard.of].append(part)

    def rank(of: int) -> tuple[bool, bool, float]:
        division = divisions[of]
        is_finished = len(division) == of and all(part.is_finished for part in division)
        is_running = any(part.is_running for part in division)
        return is_running, is_finished, max(part.last_run_at for part in division)

    present = max(divisions, key=rank)
    return present, divisions[present]


def checkpoint_folders(run_dir: Path) -> Sequence[Path]:
    """Return the folders of a load's checkpoints: the run directory, or one folder for each shard that began.

    Raises:
        CheckpointError: None of the checkpoints can be read.
    """
    division = present_division(run_dir)
    return [run_dir] if division is None else [part.run_dir for part in division.parts]
