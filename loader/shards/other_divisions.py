"""Find the files that were delivered with another number of shards in the same run directory."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loader.checkpoint.start.delivered import Identity, delivered_before, identity, is_for, present_load
from loader.job import Shard
from loader.shards.parts import WHOLE, part_folders


def delivered_by_other_divisions(
    run_dir: Path, shard: Shard | None, settings: Mapping[str, Any]
) -> dict[Identity, str]:
    """Return the paths of files that all shards of another division delivered, by the identity of each file.

    A file that only some shards of a division delivered is excluded, because its other groups were not sent.

    Args:
        run_dir: The run directory of the whole load.
        shard: The shard of this process, or None for the whole load.
        settings: The plan settings of the load.

    Raises:
        CheckpointError: A list of removed loads cannot be read.
    """
    own = shard or WHOLE
    divisions: defaultdict[int, list[Path]] = defaultdict(list)
    for part, folder in part_folders(run_dir):
        if part.of != own.of:
            divisions[part.of].append(folder)
    found: dict[Identity, str] = {}
    for of, folders in divisions.items():
        if len(folders) == of:
            by_shard = [_delivered_in(folder, settings) for folder in folders]
            by_all = set(by_shard[0]).intersection(*by_shard[1:])
            found |= {known: path for known, path in by_shard[0].items() if known in by_all}
    return found


def _delivered_in(folder: Path, settings: Mapping[str, Any]) -> dict[Identity, str]:
    """Return the files that one part delivered, including those of its present load."""
    paths = dict(delivered_before(folder, settings).paths)
    present = present_load(folder)
    if present is not None and present.is_finished and is_for(present, settings):
        paths |= {identity(file): file.path for file in present.files}
    return paths
