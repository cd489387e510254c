"""A write-ahead log that ends anywhere, after a kill or a power loss, never blocks a run directory."""

import asyncio
import shutil
from pathlib import Path

import pytest

from loader.checkpoint import Checkpoint, open_checkpoint
from loader.status.overview import LoadState, read_overview
from tests.checkpoint.sample_loads import START, accepted, load_plan, up_to, window_plan
from tests.faults.reliability import STOPS

EVENTS = 200


def killed(folder: Path) -> Path:
    """Return what a run leaves behind that is killed with a log full of commits."""
    run_dir, left = folder / "run", folder / "left"
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        asyncio.run(commit_often(checkpoint))
        shutil.copytree(run_dir, left)  # while it is open: the log and its index are there
    return left


async def commit_often(checkpoint: Checkpoint) -> None:
    checkpoint.begin_slice(window_plan(0, EVENTS))
    await checkpoint.mark_sendable(up_to(0, EVENTS - 1))
    for index in range(10):
        checkpoint.record(accepted(0, index))
        await checkpoint.flush()


@pytest.mark.tried("The log of the checkpoint ends at any byte, as after a kill or a power loss", keeps=STOPS)
def test_a_cut_log_is_read_to_its_last_whole_commit(tmp_path: Path) -> None:
    """Wherever the log ends, status and a resume read what is whole; 32 bytes are a header and no frame."""
    left = killed(tmp_path)
    whole = (left / "checkpoint.sqlite-wal").stat().st_size
    before = 0
    for size in sorted({0, 1, 31, 32, 33, 56, 4151, 4152, 4153, 9000, whole // 2, whole - 1, whole}):
        run_dir = tmp_path / f"cut at {size}"
        shutil.copytree(left, run_dir)
        with (run_dir / "checkpoint.sqlite-wal").open("r+b") as log:
            log.truncate(size)
        overview = read_overview(run_dir, START)
        assert overview.state in (LoadState.STOPPED, LoadState.KILLED), size
        assert overview.totals is not None
        with open_checkpoint(run_dir, load_plan()) as checkpoint:
            assert checkpoint.resumed
            receipts = checkpoint.totals().events_accepted
        assert before <= receipts == overview.totals.events_accepted, size
        before = receipts
    assert before == 10
