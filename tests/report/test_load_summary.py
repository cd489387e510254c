"""The summary of a load: its equations, its exit code, its JSON."""

import json
import os
import stat
import threading
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ExitCode
from loader.latency import Percentiles
from loader.report import LoadSummary, exit_code_for, to_json, write_summary_json
from loader.report.identity import LoadIdentity

ALL_DELIVERED = LoadSummary(
    run_dir="runs/orders-1a2b",
    files_total=2,
    files_read_whole=2,
    rows_expected=110,
    rows_read=110,
    rows_filtered=10,
    records=100,
    windows=1,
    events_total=50,
    events_accepted=50,
    attempts=60,
    throttled=8,
    retried=10,
    seconds=4.0,
    rows_in_run=110,
    events_accepted_in_run=50,
    limited_by={"rate": 0.75, "lanes": 0.25},
    latency=Percentiles(41.0, 80.5, 120.0, 300.25),
    learned_rate=12.5,
)
REJECTED = {"rows_rejected": 3, "records": 97}
FAILED = {"events_failed": 1, "events_accepted": 49}
IN_DOUBT = {"events_in_doubt": 2, "events_accepted": 48}
UNPROCESSED = {"events_unprocessed": 5, "events_accepted": 45}
NOTHING = {"records": 0, "rows_read": 10, "rows_expected": 10, "events_total": 0, "events_accepted": 0}
counts = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        (REJECTED, 1),
        (FAILED, 1),
        (REJECTED | FAILED, 1),
        (UNPROCESSED, 5),
        (UNPROCESSED | REJECTED, 5),
        (UNPROCESSED | {"events_failed": 1, "events_accepted": 44}, 5),
        (UNPROCESSED | {"dry_run": True}, 0),
        (UNPROCESSED | REJECTED | {"dry_run": True}, 1),
        (IN_DOUBT, 6),
        (IN_DOUBT | {"events_unprocessed": 1, "events_accepted": 47}, 6),
        (IN_DOUBT | {"events_failed": 1, "events_accepted": 47}, 6),
        (NOTHING, 9),
        (NOTHING | {"dry_run": True}, 9),
        ({"rows_rejected": 100, "records": 0, "events_total": 0, "events_accepted": 0}, 1),
        ({"stopped_by": ExitCode.REFUSED}, 2),
        (UNPROCESSED | {"stopped_by": ExitCode.TOO_MANY_ERRORS}, 3),
        (UNPROCESSED | {"stopped_by": ExitCode.STOPPED_BY_SERVICE}, 4),
        (IN_DOUBT | {"stopped_by": ExitCode.STOPPED_RESUMABLE}, 5),
        (UNPROCESSED | {"stopped_by": ExitCode.DECISION_NEEDED}, 6),
        (UNPROCESSED | {"stopped_by": ExitCode.INTERRUPTED}, 130),
        (REJECTED | {"stopped_by": ExitCode.TERMINATED}, 143),
        ({"stopped_by": ExitCode.BUG}, 70),
        ({"records": 99}, 70),
        ({"files_read_whole": 1}, 70),
        ({"files_read_whole": 1} | UNPROCESSED | {"stopped_by": ExitCode.INTERRUPTED}, 130),
        ({"rows_expected": 111}, 70),
        ({"rows_expected": 111, "dry_run": True}, 70),
        (NOTHING | {"files_read_whole": 1}, 70),
        (NOTHING | {"rows_expected": 10}, 9),
        ({"events_accepted": 51}, 70),
        ({"events_accepted": 51, "events_failed": -1}, 70),
        ({"records": 99, "stopped_by": ExitCode.INTERRUPTED}, 70),
    ],
)
def test_exit_code_is_the_gravest_that_applies(changes, code):
    """Each way to end has its code; counts that do not add up win over everything."""
    summary = replace(ALL_DELIVERED, **changes)
    assert exit_code_for(summary) == code
    assert summary.exit_code == code


def test_every_exit_code_can_be_reached():
    """Whatever stops a load, its own code is what the command ends with."""
    for code in ExitCode:
        if code not in {ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES}:
            assert exit_code_for(replace(ALL_DELIVERED, stopped_by=code)) is code


@given(st.tuples(counts, counts, counts), st.tuples(counts, counts, counts, counts))
def test_counts_that_add_up_violate_nothing(rows, events):
    """For any parts and their sums both equations hold."""
    summary = LoadSummary(
        run_dir="d",
        rows_read=sum(rows),
        rows_filtered=rows[0],
        rows_rejected=rows[1],
        records=rows[2],
        events_total=sum(events),
        events_accepted=events[0],
        events_failed=events[1],
        events_in_doubt=events[2],
        events_unprocessed=events[3],
    )
    assert summary.violations() == []
    assert summary.exit_code is not ExitCode.BUG


@given(
    name=st.sampled_from(
        [
            *("rows_read", "rows_filtered", "rows_rejected", "records"),
            *("events_total", "events_accepted", "events_failed", "events_in_doubt", "events_unprocessed"),
        ]
    ),
    off_by=st.integers(-(10**6), 10**6).filter(bool),
)
def test_any_single_wrong_count_is_a_violation(name, off_by):
    """A count that is off by anything breaks its equation, and the load is a failure."""
    wrong = replace(ALL_DELIVERED, **{name: getattr(ALL_DELIVERED, name) + off_by})
    assert any(name in sentence for sentence in wrong.violations())
    assert wrong.exit_code is ExitCode.BUG


def test_speeds_are_of_this_run():
    """A resumed run is not credited with what earlier runs delivered."""
    resumed = replace(ALL_DELIVERED, resumed=True, rows_in_run=20, events_accepted_in_run=10)
    assert resumed.events_per_second == pytest.approx(2.5)
    assert resumed.rows_per_second == pytest.approx(5.0)
    assert replace(resumed, seconds=0.0).events_per_second == 0.0


def test_json_is_complete():
    """The JSON holds every attribute, the speeds, the exit code and the violations."""
    values = json.loads(to_json(ALL_DELIVERED))
    names = {each.name for each in fields(LoadSummary)} - {"latency", "delivery_latency", "identity"}
    names |= {each.name for each in fields(LoadIdentity)}
    assert set(values) == names | {
        "latency_ms",
        "delivery_latency_ms",
        "events_per_second",
        "rows_per_second",
        "exit_code",
        "end",
        "violations",
    }
    promised = {
        *("rows_read", "rows_filtered", "rows_rejected", "records", "events_total", "events_accepted"),
        *("events_failed", "events_in_doubt", "events_unprocessed", "attempts", "throttled", "retried"),
        *("seconds", "events_per_second", "rows_per_second", "exit_code", "run_dir"),
    }
    assert promised <= set(values)
    assert values["events_per_second"] == 12.5
    assert values["exit_code"] == 0
    assert values["limited_by"] == {"rate": 0.75, "lanes": 0.25}
    assert values["latency_ms"] == {"p50": 41.0, "p95": 80.5, "p99": 120.0, "max": 300.25}
    assert set(values["delivery_latency_ms"]) == {"p50", "p95", "p99", "max"}
    stopped = json.loads(to_json(replace(ALL_DELIVERED, stopped_by=ExitCode.INTERRUPTED)))
    assert stopped["stopped_by"] == stopped["exit_code"] == 130


def test_json_file_replaces_the_old_one_whole(tmp_path):
    """A second summary takes the place of the first, and nothing else is left in the folder."""
    path = tmp_path / "summary.json"
    write_summary_json(ALL_DELIVERED, path)
    write_summary_json(replace(ALL_DELIVERED, attempts=61), path)
    assert json.loads(path.read_bytes())["attempts"] == 61
    assert list(tmp_path.iterdir()) == [path]


def test_json_file_may_be_read_by_a_scheduler(tmp_path):
    """It holds no data, so it has the permissions that new files usually have."""
    path = tmp_path / "summary.json"
    mask = os.umask(0o022)
    try:
        write_summary_json(ALL_DELIVERED, path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_json_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    """If the new file cannot take its place, the error is raised and no part file stays behind."""
    path = tmp_path / "folder" / "summary.json"
    with pytest.raises(FileNotFoundError):
        write_summary_json(ALL_DELIVERED, path)
    assert list(tmp_path.iterdir()) == []


def test_json_goes_into_a_pipe_as_it_is(tmp_path):
    """A named pipe, or /dev/stdout, is written to and not replaced by a file."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    write_summary_json(ALL_DELIVERED, path)
    reader.join()
    assert json.loads(received[0])["events_total"] == 50
    assert path.is_fifo()
