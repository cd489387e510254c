"""Wait for the other shards of a load before this one begins another load.

All parts of a run directory that run at the same time must belong to one load.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from loader.job import Shard
from loader.remote.during_load import HeldLoad
from loader.shards.parts import PartCheckpoint
from loader.shards.siblings import others_of_the_load

log = logging.getLogger(__name__)

BETWEEN_READINGS_SECONDS = 0.2
"""Pause between two looks at the checkpoints of the other shards in a run directory on this machine."""

OPENS_WITHIN_SECONDS = 20.0
"""Time that the process of another shard on this machine may take until it opens its checkpoint."""

WARNS_AFTER_SECONDS = 5.0
"""Duration of a wait after which a warning names the shards."""


async def other_shards_end(run_dir: Path, shard: Shard, held: HeldLoad) -> None:
    """Wait until no other shard delivers the load that is in the folder of this shard.

    A shard whose process has not opened its unfinished checkpoint is waited for as well, but not for long.

    Args:
        run_dir: The run directory of the whole load, on this machine.
        shard: This shard.
        held: The connection of the run directory with S3, where the shards of other machines are.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    is_local = held.part is None
    opens_within = OPENS_WITHIN_SECONDS if is_local else held.pace.opens_seconds
    pause = BETWEEN_READINGS_SECONDS if is_local else held.pace.copy_seconds
    began = ran_at = time.monotonic()
    has_warned = False
    while True:
        elsewhere = await held.parts_opened_elsewhere()
        if elsewhere is None:
            ran_at = time.monotonic()  # a shard may run while S3 gives no response
        else:
            others = others_of_the_load(run_dir, shard, elsewhere)
            open_ones = [part for part in others if part.is_running or not part.is_finished]
            if any(part.is_running for part in open_ones):
                ran_at = time.monotonic()
            elif not open_ones or time.monotonic() - ran_at >= opens_within:
                _warn_of_left(open_ones)
                return
            if not has_warned and time.monotonic() - began >= WARNS_AFTER_SECONDS:
                log.warning("The load of the other files waits for the end of %s.", _named(open_ones))
                has_warned = True
        await asyncio.sleep(pause)


def _warn_of_left(parts: Sequence[PartCheckpoint]) -> None:
    if parts:
        its = "it" if len(parts) == 1 else "each of them"
        log.warning(
            "The unfinished load is not complete: no process delivers %s. After the load that begins now, "
            "start %s again.",
            _named(parts),
            its,
        )


def _named(parts: Sequence[PartCheckpoint]) -> str:
    numbers = ", ".join(str(part.shard) for part in parts)
    return f"shard {numbers}" if len(parts) == 1 else f"shards {numbers}"
