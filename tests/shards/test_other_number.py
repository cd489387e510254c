"""Another number of shards goes on from what the checkpoints of the earlier ones hold."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.emulator.faults import FaultKind, FaultPlan, FaultRule
from loader.errors import ExitCode
from loader.testing import EmulatedService
from tests.shards.conftest import EVERY_REJECTED, ROWS, Load

RECORDS = ROWS - ROWS // EVERY_REJECTED


def change(run_dir: Path, folder: str, sql: str) -> None:
    """Change a checkpoint as a kill, or time, would have."""
    with closing(sqlite3.connect(run_dir / folder / CHECKPOINT_NAME)) as connection:
        connection.execute(sql)
        connection.commit()


@pytest.mark.parametrize("pack", ["row", "group"])
def test_what_earlier_shards_delivered_is_not_sent_again(
    service: EmulatedService, load: Load, pack: str
) -> None:
    """Two of three shards, then the whole, then two: each event is sent once, and every count is complete."""
    settings = {"pack": pack, "window_rows": 50, **({"group_buckets": 5} if pack == "group" else {})}
    first = [load(f"{number}/3", **settings) for number in (1, 2)]
    sent = sum(summary.attempts for summary in first)
    whole = load(**settings)
    assert whole.events_accepted == sent + whole.attempts
    assert whole.records == RECORDS
    again = [load(f"{number}/2", **settings) for number in (1, 2)]
    assert [summary.attempts for summary in again] == [0, 0]
    assert sum(summary.events_accepted for summary in again) == whole.events_accepted
    assert sum(summary.records for summary in again) == RECORDS
    assert service.calls()["attempts"] == whole.events_accepted
    assert len(service.records("reservation")) == RECORDS
    assert {load(f"{number}/3", **settings).attempts for number in (1, 2, 3)} == {0}


def test_failed_events_stay_failed_until_they_are_retried(service: EmulatedService, load: Load) -> None:
    """What the service refused for an earlier shard is counted, and sent again on request only."""
    refused = FaultRule(fault=FaultKind.ERROR, code="ValidationException", groups=("R003",))
    service.emulator.set_faults(FaultPlan(rules=(refused,)))
    failed = load().events_failed
    assert failed
    service.emulator.set_faults(FaultPlan())
    shards = [load(f"{number}/2") for number in (1, 2)]
    assert [sum(getattr(each, name) for each in shards) for name in ("attempts", "events_failed")] == [
        0,
        failed,
    ]
    retried = [load(f"{number}/2", retry_failed=True) for number in (1, 2)]
    assert sum(each.attempts for each in retried) == failed
    assert sum(each.events_failed for each in retried) == 0
    assert len(service.records("reservation")) == RECORDS


def test_old_doubts_of_earlier_shards_need_a_decision(
    service: EmulatedService, load: Load, tmp_path: Path
) -> None:
    """An event in doubt for longer than its token lives is not sent with APPEND before the user decides."""
    arn = "arn:aws:scn:us-east-1:123456789012:instance/00000000-0000-4000-8000-000000000000"
    settings = {
        "event_type": "scn.data.dataset",
        "dataset_arn": f"{arn}/namespaces/asc/datasets/reservation",
        "operation": "APPEND",
    }
    load("1/2", **settings)
    change(tmp_path / "run", "shards/1of2", "UPDATE receipts SET event_ids = zeroblob(length(event_ids))")
    change(tmp_path / "run", "shards/1of2", "UPDATE windows SET accepted = 0")
    change(
        tmp_path / "run",
        "shards/1of2",
        "INSERT INTO events (state, window, event_index, file, code, message, attempts, first_attempt_at,"
        " run) VALUES ('in_doubt', 0, 3, 0, 'Timeout', '', 1, 1.0, 1)",
    )
    codes = [load(f"{number}/3", **settings).exit_code for number in (1, 2, 3)]
    assert codes.count(ExitCode.DECISION_NEEDED) == 1
    summaries = [load(f"{number}/3", in_doubt="skip", **settings) for number in (1, 2, 3)]
    assert sum(summary.events_failed for summary in summaries) == 1
    assert {summary.exit_code for summary in summaries} == {ExitCode.DELIVERED_WITH_FAILURES}


@pytest.mark.parametrize(("before", "now"), [((), 2), ((1, 2, 3), 0), ((1, 2, 3), 2)])
def test_files_that_another_number_of_shards_delivered_are_left_out(
    service: EmulatedService, load: Load, extract: Path, before: tuple[int, ...], now: int
) -> None:
    """The night's folder is loaded with another number of shards than the night before."""
    inbox = extract.parent / "inbox"
    inbox.mkdir()
    extract.rename(inbox / "a.csv")
    for number in before:
        load(f"{number}/{len(before)}", extract=[str(inbox)])
    if not before:
        load(extract=[str(inbox)])
    assert service.calls()["attempts"] == RECORDS
    (inbox / "b.csv").write_text("reservation_id,reservation_detail_id\nX1,1\nX2,2\nX3,3\n", encoding="utf-8")
    nights = [load(f"{number}/{now}", extract=[str(inbox)]) for number in range(1, now + 1)]
    nights = nights or [load(extract=[str(inbox)])]
    assert sum(night.attempts for night in nights) == 3
    assert len(service.records("reservation")) == RECORDS + 3


def test_files_that_some_shards_delivered_are_not_left_out(
    service: EmulatedService, load: Load, extract: Path
) -> None:
    """The groups of the shards that never ran are sent, and those of the others only once."""
    inbox = extract.parent / "inbox"
    inbox.mkdir()
    extract.rename(inbox / "a.csv")
    load("1/2", extract=[str(inbox)])
    load(extract=[str(inbox)])
    assert service.calls()["attempts"] == len(service.records("reservation")) == RECORDS


def test_an_event_with_other_content_is_refused(load: Load, tmp_path: Path) -> None:
    """Where an earlier shard planned something else for the same rows, nothing is believed."""
    load("1/2")
    change(tmp_path / "run", "shards/1of2", "UPDATE slices SET places = zeroblob(length(places))")
    summary = load()
    assert summary.stopped_by is ExitCode.REFUSED
    assert summary.stopped_because == "Window 0 does not give the events that shard 1/2 planned."
