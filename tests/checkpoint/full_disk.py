"""Load until the disk is full, make room, resume, and check that every promise was kept.

Usage: ``python -m tests.checkpoint.full_disk limit|disk FOLDER``: the disk is full because of a limit on
the size of files, or because FOLDER is a small file system.
"""

import asyncio
import resource
import sys
from pathlib import Path

import pytest

from loader.checkpoint import Checkpoint, RunEnd, open_checkpoint
from loader.errors import CheckpointError, CheckpointWriteError
from loader.model import SlicePlan
from tests.checkpoint.sample_loads import accepted, load_plan, up_to, window_plan

EVENTS = 4096
FILE_LIMIT_BYTES = 600_000
FILLER_BYTES = 23_000_000  # of a disk of 24 MiB: a slow machine makes more commits and a longer log


def window(number: int) -> SlicePlan:
    return window_plan(number, EVENTS, first_row=number * EVENTS)


async def load(checkpoint: Checkpoint, durable: dict[int, int]) -> None:
    """Load window after window; note how many events of each are accepted for certain."""
    for number in range(1000):
        checkpoint.begin_slice(window(number))
        await checkpoint.mark_sendable(up_to(number, EVENTS - 1))
        durable[number] = 0
        for index in range(EVENTS):
            checkpoint.record(accepted(number, index))
        await checkpoint.flush()
        durable[number] = EVENTS


async def load_until_refused(run_dir: Path) -> dict[int, int]:
    """Return how many events of each window were accepted for certain when the disk refused."""
    durable: dict[int, int] = {}
    checkpoint = open_checkpoint(run_dir, load_plan())
    watch = asyncio.ensure_future(checkpoint.watch())
    with pytest.raises(CheckpointWriteError) as refused:
        await load(checkpoint, durable)
    assert refused.value.exit_code == 5
    # The watcher and the end raise it too.
    with pytest.raises(CheckpointWriteError):
        await watch
    with pytest.raises(CheckpointWriteError):
        checkpoint.finish(RunEnd("disk full", 5, complete=False))
    assert checkpoint.totals().events_accepted >= sum(durable.values())
    return durable


async def resume(run_dir: Path, durable: dict[int, int]) -> None:
    """Check that what was durable is there and what was marked is in doubt, then finish the load."""
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        for number, count in durable.items():
            progress = checkpoint.progress.of_window(number)
            assert progress is not None
            assert len(list(progress.accepted)) >= count
            assert len(list(progress.accepted)) + len(progress.in_doubt) == EVENTS
        last = max(durable)
        checkpoint.begin_slice(window(last))
        await checkpoint.mark_sendable(up_to(last, EVENTS - 1))
        for index in range(EVENTS):
            checkpoint.record(accepted(last, index))
        await checkpoint.flush()
        assert last in checkpoint.progress.settled_windows()
        checkpoint.finish(RunEnd("done", 0, complete=True))


def main(mode: str, folder: Path) -> None:
    """Run the whole story and print how much was durable when the disk was full."""
    run_dir = folder / "run"
    filler = folder / "filler"
    if mode == "limit":
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT_BYTES, hard))
    else:
        filler.write_bytes(bytes(FILLER_BYTES))
    durable = asyncio.run(load_until_refused(run_dir))
    if mode == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    else:
        fill_up(filler)
        with pytest.raises(CheckpointError) as refused:
            open_checkpoint(folder / "other run", load_plan())
        assert refused.value.exit_code == 2
        filler.unlink()
    asyncio.run(resume(run_dir, durable))
    print(f"{sum(durable.values())} events were durable")


def fill_up(filler: Path) -> None:
    """Leave no byte free."""
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
