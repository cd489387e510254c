"""What a copy of a checkpoint does not know: in doubt since it was taken, of windows below the horizon."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loader.checkpoint import open_checkpoint
from loader.checkpoint.connections import connect
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.progress import Gap, doubt_since, read_gaps
from loader.checkpoint.start.gaps import leave_gap
from loader.model import EventState
from loader.remote.copies.heads import take_head
from loader.sources.compression import decompressed
from tests.checkpoint.sample_loads import (
    START,
    WINDOW_ROWS,
    Clock,
    accepted,
    load_plan,
    put_aside,
    up_to,
    window_plan,
)

COPIED_AT = START + 100


async def copied(tmp_path: Path, clock: Clock, *, retry_failed: bool = False) -> Path:
    """Return a copy of a checkpoint in use: window 0 has answers and marks, window 1 has none."""
    with open_checkpoint(
        tmp_path / "lost", load_plan(), clock=clock, retry_failed=retry_failed
    ) as checkpoint:
        checkpoint.begin_slice(window_plan(0))
        checkpoint.begin_slice(window_plan(1))
        await checkpoint.mark_sendable(up_to(0, 4))
        checkpoint.record(accepted(0, 0))
        checkpoint.record(put_aside(0, 1))
        await checkpoint.flush()
        clock.now = COPIED_AT
        take_head(checkpoint.run_dir / CHECKPOINT_NAME, tmp_path / "copy")
        await checkpoint.mark_sendable(up_to(1, 3))  # after the copy
        checkpoint.record(accepted(0, 2))
        await checkpoint.flush()
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    return folder


async def test_what_a_copy_does_not_know_is_in_doubt(tmp_path: Path) -> None:
    """Since the mark, or since the copy was taken; what it knows stands; all of it may be repeated."""
    clock = Clock()
    folder = await copied(tmp_path, clock)
    unpack(tmp_path / "copy", folder / CHECKPOINT_NAME)
    for _ in range(2):
        with closing(connect(folder / CHECKPOINT_NAME)) as connection:
            leave_gap(connection, Gap(COPIED_AT, 5))
            assert read_gaps(connection) == [Gap(COPIED_AT, 5)]
    clock.now += 50
    with open_checkpoint(folder, load_plan(), clock=clock) as checkpoint:
        first, second = checkpoint.progress.of_window(0), checkpoint.progress.of_window(1)
        gaps = checkpoint.progress.gaps
    assert first is not None
    assert second is not None
    assert list(first.accepted) == [0]
    assert first.failed == {1}
    marked, unmarked = dict.fromkeys((2, 3, 4), START), dict.fromkeys(range(5, WINDOW_ROWS), COPIED_AT)
    assert first.in_doubt == marked | unmarked
    assert second.in_doubt == dict.fromkeys(range(WINDOW_ROWS), COPIED_AT)
    assert [doubt_since(gaps, window) for window in (2, 4, 5)] == [COPIED_AT, COPIED_AT, None]


async def test_what_failed_is_in_doubt_if_the_lost_run_sent_it_again(tmp_path: Path) -> None:
    """With --retry-failed, an earlier failure is no answer of the lost run."""
    clock = Clock()
    with open_checkpoint(tmp_path / "lost", load_plan(), clock=clock) as checkpoint:
        checkpoint.begin_slice(window_plan(0))
        checkpoint.record(put_aside(0, 1, EventState.FAILED))
        await checkpoint.flush()
    folder = await copied_again(tmp_path, clock)
    with closing(sqlite3.connect(folder / CHECKPOINT_NAME)) as connection:
        states = connection.execute(
            "SELECT state FROM events WHERE window = 0 AND event_index = 1"
        ).fetchall()
    assert states == [("in_doubt",)]


async def copied_again(tmp_path: Path, clock: Clock) -> Path:
    with open_checkpoint(tmp_path / "lost", load_plan(), clock=clock, retry_failed=True) as checkpoint:
        checkpoint.begin_slice(window_plan(0))
        await checkpoint.flush()
        take_head(checkpoint.run_dir / CHECKPOINT_NAME, tmp_path / "copy")
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    unpack(tmp_path / "copy", folder / CHECKPOINT_NAME)
    with closing(connect(folder / CHECKPOINT_NAME)) as connection:
        leave_gap(connection, Gap(COPIED_AT, 5))
    return folder


@pytest.mark.parametrize(("window", "since"), [(0, 10.0), (2, 10.0), (3, 20.0), (9, None)])
def test_the_earliest_of_several_gaps_counts(window: int, since: float | None) -> None:
    assert doubt_since([Gap(20.0, 9), Gap(10.0, 3)], window) == since


def unpack(packed: Path, into: Path) -> None:
    with packed.open("rb") as file:
        into.write_bytes(decompressed(file).read())
    into.chmod(0o600)
