"""What ``status`` tells of a run directory in any state, without changing a byte of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from loader.atomic import DRAFT_PREFIX
from loader.checkpoint import RunEnd, open_checkpoint
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.errors import CheckpointCorrupt
from loader.model import SAFE_SECONDS, EventState, RejectedRow
from loader.reject_code import RejectCode
from loader.status.failure_groups import FailureGroup
from loader.status.listing import loads_below
from loader.status.next_steps import Step, next_steps
from loader.status.overview import Doubt, LoadState, Overview, read_overview
from loader.status.overview_text import overview_text
from tests.checkpoint.sample_loads import (
    START,
    Clock,
    accepted,
    contents,
    load_plan,
    put_aside,
    up_to,
    window_plan,
)

COMMAND = "scn-loader load orders.parquet"


def steps(overview: Overview) -> list[Step]:
    return next_steps(overview.standing())


DONE = RunEnd("done", 1, complete=True, attempts=9, throttled=2, retried=1, seconds=3.5)


async def half_a_load(folder: Path, clock: Clock) -> Path:
    """Return a run directory as a kill leaves it: 8 events, of which 1 accepted, 2 failed, 5 in doubt."""
    code = RejectCode.NOT_A_NUMBER
    rejected = [RejectedRow(0, row, "quantity", code, "not a number", "x") for row in range(8, 13)]
    with open_checkpoint(folder / "live", load_plan(), clock=clock) as checkpoint:
        checkpoint.begin_slice(window_plan(rejected=rejected))
        await checkpoint.mark_sendable(up_to(0, 7))
        checkpoint.record(accepted(0, 0))
        checkpoint.record(put_aside(0, 1))
        checkpoint.record(put_aside(0, 2))
        await checkpoint.flush()
        shutil.copytree(folder / "live", folder / "killed")
    return folder / "killed"


def test_an_empty_or_missing_directory_holds_no_load(tmp_path: Path) -> None:
    """Neither is an error, and nothing is made."""
    for run_dir in (tmp_path, tmp_path / "missing"):
        assert read_overview(run_dir, START).state is LoadState.NONE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("index_of_log", [True, False], ids=["as left", "log without its index"])
async def test_a_killed_load_is_reported_with_its_doubt(tmp_path: Path, *, index_of_log: bool) -> None:
    """What the kill left in doubt is counted from the marks, with the time until which a resume is safe."""
    run_dir = await half_a_load(tmp_path, Clock())
    if not index_of_log:
        (run_dir / f"{CHECKPOINT_NAME}-shm").unlink()
    before = contents(run_dir)
    overview = read_overview(run_dir, START + 3600)
    assert contents(run_dir) == before
    assert (overview.state, overview.pid, overview.last_run) == (LoadState.KILLED, None, None)
    assert overview.doubt == Doubt(5, expired=0, safe_until=START + SAFE_SECONDS)
    (step,) = steps(overview)
    assert step.command == overview.command == f"{COMMAND} --run-dir {run_dir}"
    assert "before 2025-10-09 16:38:20 UTC" in step.why
    assert overview.totals is not None
    states = (
        overview.totals.events_accepted,
        overview.totals.events_failed,
        overview.totals.events_in_doubt,
        overview.totals.events_unprocessed,
    )
    assert states == (1, 2, 5, 0)
    assert overview.rows_left == 80 - 13
    assert overview.failed == [
        FailureGroup(
            "ValidationException",
            "Refused.",
            2,
            [("/extracts/orders_0.parquet", 1), ("/extracts/orders_0.parquet", 2)],
        )
    ]
    assert overview.rejected == [
        FailureGroup(
            "quantity", "not a number", 5, [("/extracts/orders_0.parquet", row) for row in (8, 9, 10)]
        )
    ]
    # The next start writes down the same.
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        assert checkpoint.totals() == overview.totals


async def test_doubt_that_is_too_old_asks_for_a_decision(tmp_path: Path) -> None:
    """Past the life of the tokens, the next step names the decision."""
    run_dir = await half_a_load(tmp_path, Clock())
    overview = read_overview(run_dir, START + SAFE_SECONDS + 1)
    assert overview.doubt == Doubt(5, expired=5, safe_until=None)
    assert [step.command for step in steps(overview)] == [f"{COMMAND} --run-dir {run_dir}"]
    appending = next_steps(replace(overview.standing(), is_append=True))
    assert [step.command.split()[3:5] for step in appending] == [
        ["--in-doubt", "resend"],
        ["--in-doubt", "skip"],
    ]


async def test_a_running_load_has_nothing_in_doubt(tmp_path: Path) -> None:
    """What a living process has marked is in flight; its totals are those of its last commit."""
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan())
        await checkpoint.mark_sendable(up_to(0, 7))
        overview = read_overview(tmp_path, START)
        assert overview.state is LoadState.RUNNING
        assert overview.doubt.count == 0
        assert overview.totals == checkpoint.totals()


async def test_dying_while_retrying_is_counted_once(tmp_path: Path) -> None:
    """Failed events that were handed out again are in doubt and no longer among the failed."""
    with open_checkpoint(tmp_path / "live", load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan())
        checkpoint.record(put_aside(0, 0))
        checkpoint.record(put_aside(0, 1, EventState.IN_DOUBT))
        checkpoint.finish(RunEnd("interrupted", 130, complete=False))
    with open_checkpoint(tmp_path / "live", load_plan(), retry_failed=True) as checkpoint:
        checkpoint.begin_slice(window_plan())
        await checkpoint.mark_sendable(up_to(0, 2))
        shutil.copytree(tmp_path / "live", tmp_path / "killed")
    totals = read_overview(tmp_path / "killed", START).totals
    assert totals is not None
    assert (totals.events_failed, totals.events_in_doubt, totals.events_unprocessed) == (0, 3, 5)


def test_a_finished_load_says_how_its_last_run_ended(tmp_path: Path) -> None:
    """The end, its numbers, and that failed events can be sent again."""
    clock = Clock()
    with open_checkpoint(tmp_path, load_plan(), clock=clock) as checkpoint:
        checkpoint.begin_slice(window_plan(events=1))
        checkpoint.record(put_aside(0, 0))
        clock.now += 5
        checkpoint.finish(DONE)
    before = contents(tmp_path)
    overview = read_overview(tmp_path, START)
    assert contents(tmp_path) == before
    assert (overview.state, overview.last_run) == (LoadState.FINISHED, DONE)
    assert (overview.created_at, overview.started_at, overview.ended_at) == (START, START, START + 5)
    assert [step.command for step in steps(overview)] == [
        f"scn-loader rejects {tmp_path}",
        f"{COMMAND} --retry-failed --run-dir {tmp_path}",
    ]
    assert "Refused" not in repr(overview)


@pytest.mark.parametrize(
    ("rejected", "proposed"),
    [
        ((RejectedRow(0, 1, "", RejectCode.RECORD_TOO_LONG, "too large"),), ["rejects"]),
        ((), []),
    ],
)
def test_a_finished_load_without_failures_asks_for_no_retry(
    tmp_path: Path, rejected: tuple[RejectedRow, ...], proposed: list[str]
) -> None:
    """Rejected rows are for the user to correct; without any there is nothing to do."""
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan(events=1, rejected=rejected))
        checkpoint.record(accepted(0, 0))
        checkpoint.finish(RunEnd("done", int(bool(rejected)), complete=True))
    assert [step.command.split()[1] for step in steps(read_overview(tmp_path, START))] == proposed


def test_a_stopped_load_is_resumed(tmp_path: Path) -> None:
    """A load that ended early, or before its first window, is to be resumed."""
    open_checkpoint(tmp_path, load_plan()).close()
    assert read_overview(tmp_path, START).state is LoadState.STOPPED
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        checkpoint.finish(RunEnd("interrupted", 130, complete=False))
    overview = read_overview(tmp_path, START)
    (step,) = steps(overview)
    assert (overview.state, step.command) == (LoadState.STOPPED, f"{COMMAND} --run-dir {tmp_path}")


def test_a_damaged_checkpoint_is_reported(tmp_path: Path) -> None:
    """Status of a damaged checkpoint is an answer, not a crash."""
    (tmp_path / CHECKPOINT_NAME).write_bytes(b"junk")
    overview = read_overview(tmp_path, START)
    assert overview.state is LoadState.UNREADABLE
    assert isinstance(overview.problem, CheckpointCorrupt)
    assert "--restart" in overview.problem.next_step


async def test_a_file_whose_length_is_unknown_leaves_the_rest_open(tmp_path: Path) -> None:
    """Without the row counts of all files, the remaining number is unknown."""
    plan = load_plan(files=2)
    files = [plan.files[0], type(plan.files[1])(1, "/x.csv", "csv", 5, 1, "f" * 64, 0, None)]
    open_checkpoint(tmp_path, type(plan)(plan.settings, files, plan.window_rows, plan.slice_rows)).close()
    overview = read_overview(tmp_path, START)
    assert overview.rows_left is None
    (step,) = steps(overview)
    assert (step.why, step.command) == ("resume the load: run the load again in its run directory", "")


def test_an_earlier_load_is_read_from_its_kept_checkpoint(tmp_path: Path) -> None:
    """An old checkpoint is distinguished from the present one, and has no next step."""
    for files in (1, 2):
        with open_checkpoint(tmp_path, load_plan(files=files)) as checkpoint:
            checkpoint.begin_slice(window_plan(events=1))
            checkpoint.record(accepted(0, 0))
            checkpoint.finish(RunEnd("completed", 0, complete=True))
    now = read_overview(tmp_path, START)
    (kept,) = now.kept
    earlier = read_overview(kept, START)
    assert (now.is_earlier, earlier.is_earlier) == (False, True)
    assert (earlier.state, earlier.run_dir) == (LoadState.FINISHED, tmp_path)
    assert earlier.load_id in kept.name
    assert [len(each.plan.files) for each in (earlier, now) if each.plan is not None] == [1, 2]


def test_a_folder_lists_its_loads_and_those_inside_them(tmp_path: Path) -> None:
    """Loads of corrected rows lie in the run directory of the first, and know it; so does the first them."""
    first, child = tmp_path / "orders", tmp_path / "orders" / "corrected"
    for run_dir in (first, child):
        open_checkpoint(run_dir, load_plan()).close()
    assert {load.run_dir for load in loads_below(tmp_path, START)} == {first, child}
    assert read_overview(first, START).child == child
    assert read_overview(child, START).parent == first
    assert loads_below(tmp_path / "none", START) == []
    # A process that is killed while it makes a checkpoint leaves a draft. Nothing was sent of it.
    open_checkpoint(tmp_path / "killed" / f"{DRAFT_PREFIX}x.part", load_plan()).close()
    assert loads_below(tmp_path / "killed", START) == []


async def test_a_row_that_is_rejected_as_a_whole_has_no_column(tmp_path: Path) -> None:
    """Its reason stands alone; that of a cell follows the column."""
    rejected = [
        RejectedRow(0, 8, "", RejectCode.WRONG_FIELD_COUNT, "too short"),
        RejectedRow(0, 9, "quantity", RejectCode.NOT_A_NUMBER, "not a number"),
    ]
    with open_checkpoint(tmp_path / "run", load_plan(), clock=Clock()) as checkpoint:
        checkpoint.begin_slice(window_plan(rejected=rejected))
        await checkpoint.flush()
    text = overview_text(read_overview(tmp_path / "run", START), [])
    assert "rejected  1 x too short\n" in text
    assert "rejected  1 x quantity: not a number\n" in text
