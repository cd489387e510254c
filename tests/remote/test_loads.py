"""Loads with a run directory in S3: copied, resumed elsewhere, stopped, while S3 misbehaves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import orjson
import pytest

from loader.errors import CheckpointError, CheckpointLocked, ExitCode
from loader.job import Job, run_dir_of, working_copy_of
from loader.loading.observers import Observers
from loader.remote.keeper import LeaseLost
from loader.remote.other_files import Notes
from loader.report import Snapshot
from loader.testing import EmulatedService
from tests.remote.conftest import ADDRESS, FAST, PREFIX, ROWS, SLOW, SLOWER, Load, stopping_at
from tests.remote.faulty_s3 import BUCKET, Fault, FaultyS3

EVENTS = ROWS - 1

Machine = Callable[[str], Path]


def assert_delivered_once(service: EmulatedService) -> None:
    """All events are in the lake, each once and in the order of its group."""
    calls = service.calls()
    assert (calls["accepted"], calls["overtaken"], calls["overlaps"]) == (EVENTS, 0, 0)
    assert len(service.records("reservation")) == EVENTS


def test_a_load_leaves_its_run_directory_in_s3(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """It ends under its address; another machine finds it finished, and sends nothing."""
    summary = load().summary
    assert (summary.exit_code, summary.run_dir) == (ExitCode.DELIVERED_WITH_FAILURES, ADDRESS)
    keys = {key.removeprefix(PREFIX) for key in s3.all_keys()}
    assert {"checkpoint.sqlite.zst", "lease.json", "rejected/reservations.csv"} <= keys
    assert not [key for key in keys if key.startswith(".") or key.endswith(".lock")]
    machine("b")
    again = load().summary
    assert (again.attempts, again.events_accepted, again.resumed) == (0, EVENTS, True)
    assert service.calls()["attempts"] == EVENTS


def test_a_stopped_load_goes_on_elsewhere_at_once(
    load: Load, service: EmulatedService, machine: Machine
) -> None:
    """What was stopped in order holds no lease and leaves nothing in doubt: no event is sent twice."""
    first = load(stopping_at(60), **SLOW)
    assert first.summary.exit_code is ExitCode.INTERRUPTED
    machine("b")
    second = load()
    assert second.summary.events_accepted == EVENTS
    assert service.calls()["attempts"] == EVENTS
    machine("a")  # its working copy is older than the copy in S3
    assert load().summary.attempts == 0
    assert_delivered_once(service)


def test_a_process_killed_before_it_noted_its_copy_goes_on(
    load: Load, service: EmulatedService, machine: Machine
) -> None:
    """The copy in S3 is its own, also under an ETag that it does not know."""
    load(stopping_at(60), **SLOW)
    notes = Notes.of(working_copy_of(ADDRESS))
    notes.etag = '"of the copy before"'
    notes.write(working_copy_of(ADDRESS))
    ending = load()
    assert ending.error is None
    assert service.calls()["attempts"] == EVENTS
    assert_delivered_once(service)


def test_a_faulty_s3_changes_nothing_but_the_log(load: Load, s3: FaultyS3, service: EmulatedService) -> None:
    """503, 409, cut connections, lost answers and answers that break off are tried again."""
    chance = Random(3)

    def faults(_method: str, _key: str) -> Fault:
        return chance.choice(["503", "409", "cut", "lost", "short"]) if chance.random() < 0.4 else None

    s3.faults = faults
    ending = load(rate=300, burst=4)
    assert ending.error is None
    assert sum(count for name, count in s3.asked.items() if " " in name) > 5
    assert {"PUT lost"} <= s3.asked.keys()
    assert_delivered_once(service)


def test_a_start_survives_a_failure_of_each_first_request(
    load: Load, s3: FaultyS3, service: EmulatedService
) -> None:
    """S3 answers 409 while another write to the object is under way, and 503 now and then: try again."""
    failed: set[tuple[str, str]] = set()

    def faults(method: str, key: str) -> Fault:
        first = (method, key) not in failed
        failed.add((method, key))
        return ("409" if method == "PUT" else "503") if first else None

    s3.faults = faults
    ending = load()
    assert ending.error is None
    assert service.calls()["accepted"] == ending.summary.events_accepted == EVENTS


def test_the_load_goes_on_while_s3_is_gone(
    load: Load, s3: FaultyS3, service: EmulatedService, caplog: pytest.LogCaptureFixture
) -> None:
    """The network to S3 is cut in mid-load: the load says so, and its last state is in S3 at the end."""

    def cut(_observers: Observers) -> None:
        s3.faults = lambda _method, _key: "cut"

    observers = stopping_at(40, cut)
    watch = observers.watch
    assert watch is not None

    def heal(snapshot: Snapshot) -> None:
        watch(snapshot)
        if "The load continues." in caplog.text:
            s3.faults = lambda _method, _key: None

    observers.watch = heal
    ending = load(observers, **SLOW)
    assert ending.error is None
    assert "The load continues." in caplog.text
    assert_delivered_once(service)
    lease = orjson.loads(s3.get(PREFIX + "lease.json"))
    assert (lease["is_released"], lease["horizon"]) == (True, 0)


def test_the_load_stops_before_its_lease_is_stale(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """Where S3 stays away, the load stops with code 5, and resumes elsewhere once the lease is stale."""

    def cut(_observers: Observers) -> None:
        s3.faults = lambda _method, _key: "cut"

    pace = replace(FAST, stop_seconds=0.5, end_seconds=0.3)
    ending = load(stopping_at(40, cut), pace=pace, **SLOWER)
    assert isinstance(ending.error, LeaseLost)
    assert ending.summary.exit_code is ExitCode.STOPPED_RESUMABLE
    assert ADDRESS in ending.error.block()
    s3.faults = lambda _method, _key: None
    machine("b")
    s3.seconds_ahead = 1000
    assert load().summary.events_accepted == EVENTS
    assert_delivered_once(service)


def test_a_runner_whose_lease_was_taken_stops_at_once(
    load: Load, s3: FaultyS3, service: EmulatedService
) -> None:
    """A write that another runner made impossible (412) ends the load with code 5; nothing is overwritten."""
    taken = b'{"holder": "other"}'

    def take(_observers: Observers) -> None:
        s3.client.put_object(Bucket=BUCKET, Key=PREFIX + "lease.json", Body=taken)

    ending = load(stopping_at(40, take), **SLOWER)
    assert isinstance(ending.error, LeaseLost)
    assert ending.summary.exit_code is ExitCode.STOPPED_RESUMABLE
    assert ending.summary.events_accepted < EVENTS
    assert "Another runner has taken over" in ending.error.what
    assert s3.get(PREFIX + "lease.json") == taken
    assert service.calls()["accepted"] < EVENTS


def test_a_copy_that_another_runner_wrote_is_not_overwritten(load: Load, s3: FaultyS3) -> None:
    """A stale writer finds out by the copy as well as by the lease."""

    def take(_observers: Observers) -> None:
        s3.client.put_object(Bucket=BUCKET, Key=PREFIX + "checkpoint.sqlite.zst", Body=b"newer")

    ending = load(stopping_at(40, take), pace=replace(FAST, renew_seconds=15.0), **SLOW)
    assert isinstance(ending.error, LeaseLost)
    assert s3.get(PREFIX + "checkpoint.sqlite.zst") == b"newer"


def test_without_s3_nothing_is_sent(load: Load, s3: FaultyS3, service: EmulatedService) -> None:
    """A bucket that is not there is refused at once, with code 2."""
    with pytest.raises(CheckpointError, match="run directory in S3 cannot be used") as refused:
        load(run_dir="s3://no-such-bucket/nightly")
    assert "bucket does not exist" in refused.value.why
    assert service.calls()["attempts"] == 0


def test_a_removed_run_directory_begins_anew(load: Load, s3: FaultyS3, service: EmulatedService) -> None:
    """Whoever removes the objects starts over; the working copy is not taken for the run directory."""
    load()
    for key in s3.all_keys():
        s3.client.delete_object(Bucket=BUCKET, Key=key)
    again = load().summary
    assert (again.resumed, again.events_accepted) == (False, EVENTS)
    assert_delivered_once(service)  # the same tokens


def test_a_second_process_of_this_machine_is_refused(load: Load, job: Callable[..., Job]) -> None:
    """Both would have one working copy, and one lease."""
    refused: list[str] = []

    def second(_observers: Observers) -> None:
        with pytest.raises(CheckpointLocked) as error:
            load_in_thread(load)
        refused.append(error.value.block())

    ending = load(stopping_at(10, second), **SLOW)
    assert ending.error is None
    assert "Another process is working in the run directory." in refused[0]
    assert run_dir_of(job()).is_dir()


def load_in_thread(load: Load) -> None:
    """Run a load from a thread, as an event loop runs in this one."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        threads.submit(load).result()
