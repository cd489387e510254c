"""Shards on several machines, with one run directory in S3, go from one load to the next together."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from loader.errors import CheckpointLocked, ExitCode
from loader.job import Job, Shard
from loader.job.sections import Unfinished
from loader.loading.observers import Observers
from loader.remote.copies.heads import COPY_NAME
from loader.remote.lease import Lease
from loader.remote.objects import WRITER, Objects
from loader.remote.working_copy import folder_of
from loader.sources.s3.client import S3Client
from loader.testing import EmulatedService
from tests.remote.conftest import ADDRESS, FAST, ROWS, SLOW, Load, stopping_at
from tests.remote.faulty_s3 import Fault, FaultyS3

Machine = Callable[[str], Path]

LATER = 60
"""Rows of the second night."""

ONE, TWO = Shard(number=1, of=2), Shard(number=2, of=2)


@pytest.fixture
def both(extract: Path) -> dict[str, Any]:
    """Settings with which an unfinished load is finished before the files of the second night are loaded."""
    later = extract.with_name("reservations-2.csv")
    lines = [f"R{number % 31:03d},{number:05d},P2" for number in range(ROWS, ROWS + LATER)]
    later.write_text("\n".join(["reservation_id,reservation_detail_id,product_id", *lines]) + "\n", "utf-8")
    return {"extract": [str(extract), str(later)], "unfinished": Unfinished.RESUME}


@pytest.fixture
def unfinished(load: Load, machine: Machine) -> None:
    """Stop the load of the first night in both shards."""
    for name, shard in (("a", "1/2"), ("b", "2/2")):
        machine(name)
        load(stopping_at(20), shard=shard, **SLOW)


@contextmanager
def runner(job: Job) -> Iterator[subprocess.Popen[bytes]]:
    """Run a load in a process of its own."""
    settings = job.model_dump(mode="json", exclude_unset=True)
    command = [sys.executable, "-m", "tests.remote.runner", json.dumps(settings), json.dumps(asdict(FAST))]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def objects() -> Objects:
    return Objects(ADDRESS, S3Client(None, None))


def elsewhere(shard: Shard) -> Lease:
    """Take the lease of a shard as the process that wrote its head: it seems to run on another machine."""
    head = objects().seen(folder_of(shard) + COPY_NAME)
    assert head is not None
    lease = Lease(objects(), folder_of(shard), holder="elsewhere:1", writer=head.metadata[WRITER])
    lease.take(lambda _words: None)
    return lease


@pytest.mark.usefixtures("unfinished")
def test_a_shard_waits_for_the_shards_of_other_machines(
    load: Load,
    service: EmulatedService,
    machine: Machine,
    job: Callable[..., Job],
    both: dict[str, Any],
) -> None:
    """No event of the second load is sent before the last one of the first, whatever shard it is of."""
    machine("b")
    with runner(job(shard="2/2", rate=240, burst=2, **both)) as other:
        machine("a")
        ending = load(shard="1/2", **both)
        assert ending.summary.before is not None
        assert other.wait(60) in {ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES}
    calls = service.calls()
    assert (calls["accepted"], calls["overtaken"]) == (ROWS - 1 + LATER, 0)
    nights = [
        int(row[0]) >= ROWS
        for row in service.query("SELECT reservation_detail_id FROM reservation ORDER BY rowid")
    ]
    assert nights == sorted(nights)


@pytest.mark.usefixtures("unfinished")
def test_a_shard_that_no_machine_delivers_is_named(
    load: Load,
    machine: Machine,
    s3: FaultyS3,
    both: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The wait ends some time after its lease ended; its machine then ends its load, and delivers the rest.

    While a shard of the first load runs elsewhere, or S3 gives no response, the wait goes on.
    """
    lease = elsewhere(TWO)
    given_back: list[float] = []

    def give_back() -> None:
        time.sleep(0.5)
        s3.faults = lambda _method, key: "503" if key.endswith("lease.json") else None
        time.sleep(0.5)
        s3.faults = lambda _method, _key: None
        given_back.append(time.monotonic())
        lease.give_back()

    machine("a")
    thread = threading.Thread(target=give_back)
    began_after: list[float] = []
    observers = Observers(opened=lambda *_: began_after.append(time.monotonic()))
    thread.start()
    ending = load(observers, replace(FAST, opens_seconds=0.2), shard="1/2", **both)
    thread.join()
    assert ending.summary.before is not None
    assert began_after[1] > given_back[0] + 0.2
    (left,) = [
        record.getMessage() for record in caplog.records if "no process delivers" in record.getMessage()
    ]
    assert "no process delivers shard 2/2" in left
    machine("b")
    late = load(shard="2/2", **both).summary
    assert late.before is not None
    assert late.before.resumed


@pytest.mark.usefixtures("unfinished")
def test_a_shard_of_another_load_is_refused_while_one_runs(
    load: Load, machine: Machine, service: EmulatedService, both: dict[str, Any]
) -> None:
    """Before it sends anything; a process that only has the lease of its shard refuses no other one."""
    elsewhere(TWO)
    attempts = service.calls()["attempts"]
    machine("a")
    later = {"extract": [both["extract"][1]], "unfinished": Unfinished.SUPERSEDE}
    with pytest.raises(CheckpointLocked, match="delivers shard 2/2") as refused:
        load(shard="1/2", **later)
    assert refused.value.where == f"{ADDRESS}/shards/2of2"
    assert service.calls()["attempts"] == attempts
    opening = Lease(objects(), folder_of(TWO), holder="elsewhere:1", writer="another process")
    opening.take(lambda _words: None)
    assert load(shard="1/2", **later).summary.events_accepted


@pytest.mark.usefixtures("unfinished")
def test_two_loads_that_begin_at_the_same_time_see_each_other(
    load: Load,
    machine: Machine,
    s3: FaultyS3,
    service: EmulatedService,
    both: dict[str, Any],
) -> None:
    """A shard whose other load begins after this one looked is found before anything is sent."""
    attempts = service.calls()["attempts"]
    begun: list[str] = []

    def faults(method: str, key: str) -> Fault:
        if method == "PUT" and key.endswith(f"1of2/{COPY_NAME}") and not begun:
            begun.append(key)
            elsewhere(TWO)
        return None

    machine("a")
    s3.faults = faults
    with pytest.raises(CheckpointLocked, match="delivers shard 2/2"):
        load(shard="1/2", extract=[both["extract"][1]], unfinished=Unfinished.SUPERSEDE)
    assert service.calls()["attempts"] == attempts
    assert begun


def test_all_shards_are_sent_again_on_purpose(
    load: Load, machine: Machine, service: EmulatedService, both: dict[str, Any]
) -> None:
    """Each machine finds in S3 that the other shards are finished, or began to send their load again."""
    for again in (False, True, False):
        for name, shard in (("a", "1/2"), ("b", "2/2")):
            machine(name)
            load(shard=shard, again=again, extract=[both["extract"][1]])
    assert service.calls()["accepted"] == 2 * LATER
