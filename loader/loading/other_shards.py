"""Wait for the other shards of a load before this one begins another load.

All parts of a run directory that run at the same time must belong to one load.
"""

import asyncio
import time
from pathlib import Path

from loader.job import Shard
from loader.shards.siblings import others_of_the_load

BETWEEN_READINGS_SECONDS = 0.2
"""Pause between two looks at the checkpoints of the other shards."""

OPENS_WITHIN_SECONDS = 20.0
"""What the process of another shard may take from its start to the opening of its checkpoint."""


async def other_shards_end(run_dir: Path, shard: Shard) -> None:
    """Wait until no other shard delivers the load that is in the folder of this shard.

    A shard whose process has not opened its unfinished checkpoint is waited for as well, but not for long.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    began = time.monotonic()
    while True:
        others = others_of_the_load(run_dir, shard)
        may_open = time.monotonic() - began < OPENS_WITHIN_SECONDS
        if not any(part.is_running or (may_open and not part.is_finished) for part in others):
            return
        await asyncio.sleep(BETWEEN_READINGS_SECONDS)
