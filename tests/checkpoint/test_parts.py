"""Events that were refused for some of their records: what the checkpoint keeps of their parts."""

import asyncio
from pathlib import Path

import pytest

from loader.checkpoint import Checkpoint, RunEnd, open_checkpoint
from loader.model import Event, EventResult, EventState, FileRows, Part, PartResult, PartState, SlicePlan
from loader.report.export import export_failed
from loader.status.overview import read_overview
from tests.checkpoint.sample_loads import START, Clock, event_id, load_plan, up_to

EVENT = Event(0, 0, 0, (3, 4, 6, 7), "g", "e" * 64, None, b"secret")
PLAN = SlicePlan(0, 0, [FileRows(0, 0, 8, 4, 0, 4, last_of_file=True)], 0, (), [EVENT])


def opened(run_dir: Path, *, retry_failed: bool = False) -> Checkpoint:
    return open_checkpoint(run_dir, load_plan(), retry_failed=retry_failed, clock=Clock())


def divided(first: int, count: int) -> PartResult:
    return PartResult(
        Part(first, count), PartState.DIVIDED, "d" * 64, None, "ValidationException", "Refused."
    )


def accepted(first: int, count: int) -> PartResult:
    return PartResult(Part(first, count), PartState.ACCEPTED, f"{first:064}", event_id(0, first))


def failed(first: int, message: str = "Refused.") -> PartResult:
    part = Part(first, 1)
    return PartResult(part, PartState.FAILED, f"{first:064}", None, "ValidationException", message)


def part_failed() -> EventResult:
    return EventResult(
        EVENT,
        EventState.FAILED,
        code="ValidationException",
        message="Refused.",
        attempts=7,
        first_attempt_at=START,
        last_attempt_at=START,
        in_parts=True,
        left_out=[0, 3],
    )


def begin(checkpoint: Checkpoint, *parts: PartResult) -> None:
    checkpoint.begin_slice(PLAN)
    asyncio.run(checkpoint.mark_sendable(up_to(0, 0)))
    for part in parts:
        checkpoint.record_part(EVENT, part)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A finished run: of an event of four records the second and the last were refused."""
    folder = tmp_path / "run"
    with opened(folder) as checkpoint:
        first_half = (divided(0, 2), accepted(0, 1), failed(1))
        second_half = (divided(2, 2), accepted(2, 1), failed(3, "Another reason."))
        begin(checkpoint, divided(0, 4), *first_half, *second_half)
        checkpoint.record(part_failed())
        checkpoint.finish(RunEnd("done", 1, complete=True))
    return folder


def test_one_event_failed_for_two_records(run_dir: Path) -> None:
    """The event counts as failed, and its refused records are counted and listed one by one."""
    overview = read_overview(run_dir, START)
    assert overview.totals is not None
    assert (overview.totals.events_failed, overview.totals.records_failed) == (1, 2)
    assert [(each.reason, each.count, list(each.first)) for each in overview.failed] == [
        ("Another reason.", 1, [("/extracts/orders_0.parquet", 7)]),
        ("Refused.", 1, [("/extracts/orders_0.parquet", 4)]),
    ]


def test_the_export_has_a_line_for_each_refused_record(run_dir: Path, tmp_path: Path) -> None:
    """With the token of its part; rows are counted from 1."""
    assert export_failed(run_dir, tmp_path / "failed.csv").rows == 2
    lines = (tmp_path / "failed.csv").read_text().splitlines()[1:]
    assert [line.split(",")[:6] for line in lines] == [
        [f"{1:064}", "failed", "/extracts/orders_0.parquet", "5", "5", "1"],
        [f"{3:064}", "failed", "/extracts/orders_0.parquet", "8", "8", "1"],
    ]


def test_a_retry_skips_all_parts_but_the_failed_ones(run_dir: Path) -> None:
    """Receipts and divisions are kept; what failed is to be sent again, and may be accepted then."""
    with opened(run_dir, retry_failed=True) as checkpoint:
        progress = checkpoint.progress.of_window(0)
        assert progress is not None
        assert progress.to_send(0)
        known = sorted(progress.parts[0], key=lambda each: (each.part.first, each.part.count))
        assert known == [accepted(0, 1), divided(0, 2), divided(0, 4), accepted(2, 1), divided(2, 2)]
        assert sum(part.count for part in progress.settled_parts(0)) == 2
        begin(checkpoint, accepted(1, 1), accepted(3, 1), failed(0), failed(2))
        checkpoint.record(EventResult(EVENT, EventState.ACCEPTED, event_id(0, 3), in_parts=True))
        checkpoint.finish(RunEnd("done", 0, complete=True))
        totals = checkpoint.totals()
    # A receipt is never taken back: the failures of parts 0 and 2 came too late.
    assert (totals.events_accepted, totals.events_failed, totals.records_failed) == (1, 0, 0)


def test_without_a_retry_nothing_is_left(run_dir: Path) -> None:
    """A failed event is settled, in parts as in one."""
    with opened(run_dir) as checkpoint:
        assert checkpoint.progress.settled_windows() == {0: {0: 8}}


def test_a_crash_leaves_the_event_in_doubt_and_its_parts_known(tmp_path: Path) -> None:
    """Parts with an outcome before the crash need no more work; the others may have been sent."""
    with opened(tmp_path / "run") as checkpoint:
        begin(checkpoint, divided(0, 4), accepted(0, 2), divided(2, 2), failed(2))
        asyncio.run(checkpoint.flush())
        # Closed without an end, as a kill leaves it.
    overview = read_overview(tmp_path / "run", START)
    assert overview.totals is not None
    assert (overview.totals.events_in_doubt, overview.totals.records_failed) == (1, 1)
    with opened(tmp_path / "run") as checkpoint:
        progress = checkpoint.progress.of_window(0)
        assert progress is not None
        assert list(progress.in_doubt) == [0]
        assert sum(part.count for part in progress.settled_parts(0)) == 3
