"""The generation of a load: how many loads of its run directory made way for it.

It is part of every token. A deliberate second load of the same bytes is thus a new load to the service, not
a retry of the first one, which the service would answer without doing anything. It is kept in checkpoints:
an accidental second run, whose run directory was lost, has generation 0 and the same tokens as before.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

KEPT_NAME = "checkpoint-{}.sqlite"
"""A checkpoint that made way for another load, named by its load."""


def next_generation(run_dir: Path, making_way: Sequence[int | None]) -> int:
    """Return the generation of a load that begins: above those of all loads that are kept in its directory.

    Each of these made way for a later one, so the number of those that cannot be read counts as well.

    Args:
        run_dir: The load's directory.
        making_way: Generation of the load that makes way now, None if it cannot be read; empty if none does.
    """
    kept = [_stored(path) for path in run_dir.glob(KEPT_NAME.format("*"))]
    loads = [*kept, *making_way]
    return max([len(loads), *(generation + 1 for generation in loads if generation is not None)])


def _stored(path: Path) -> int | None:
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            ((generation,),) = connection.execute("SELECT generation FROM load").fetchall()
    except (sqlite3.Error, ValueError):
        return None  # damaged, or of an older format
    return int(generation)
