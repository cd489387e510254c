"""Shards on machines of their own, with one run directory in S3."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from loader.aws.signing import Credentials
from loader.cli import app
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.errors import CheckpointLocked, ExitCode
from loader.job import Job, Shard
from loader.loading.observers import Observers
from loader.remote.lease import Lease
from loader.remote.objects import Objects
from loader.remote.working_copy import folder_of, parts_beside, parts_in
from loader.runners.workers import run_workers
from loader.sources.s3.client import S3Client
from loader.testing import EmulatedService
from tests.remote.conftest import ADDRESS, PREFIX, ROWS, SLOW, Load, stopping_at
from tests.remote.faulty_s3 import FaultyS3

EVENTS = ROWS - 1
Machine = Callable[[str], Path]


def test_shards_of_several_machines_are_one_load(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """Each has its own lease and copies; status speaks of all, and another N takes over what they did."""
    load(shard="1/2")
    machine("b")
    load(stopping_at(40), shard="2/2", **SLOW)
    keys = {key.removeprefix(PREFIX) for key in s3.all_keys()}
    for folder in ("shards/1of2/", "shards/2of2/"):
        assert {f"{folder}lease.json", f"{folder}checkpoint.sqlite.zst"} <= keys
    machine("c")
    values = orjson.loads(CliRunner().invoke(app, ["status", ADDRESS, "--json"]).output)
    assert values["state"] == "stopped"
    assert values["run_dir"] == ADDRESS
    for number in (1, 2, 3):
        machine(f"of-three-{number}")
        load(shard=f"{number}/3")
    calls = service.calls()
    assert (calls["attempts"], calls["accepted"], calls["overtaken"]) == (EVENTS, EVENTS, 0)
    rejected = CliRunner().invoke(app, ["rejects", ADDRESS])
    assert f"{ADDRESS}/rejected/reservations.csv" in rejected.output
    assert f"{PREFIX}rejected/reservations.csv" in s3.all_keys()


def test_another_division_waits(load: Load, machine: Machine) -> None:
    """Parts of two divisions never work at a time."""
    load(stopping_at(20), shard="1/2", **SLOW)
    folder = folder_of(Shard(number=1, of=2))
    lease = Lease(Objects(ADDRESS, S3Client(None, None)), folder, holder="elsewhere", writer="elsewhere:1")
    lease.take(lambda _words: None)
    machine("b")
    with pytest.raises(CheckpointLocked, match="delivers shard 1/2") as refused:
        load(shard="1/3")
    assert "all running parts must be of one division" in refused.value.why
    lease_of_three = Lease(
        Objects(ADDRESS, S3Client(None, None)), "shards/1of3/", holder="next", writer="next:1"
    )
    lease_of_three.take(lambda _words: None, lambda: True)  # what was refused holds no lease
    load(shard="2/2")  # its neighbour may


def test_workers_keep_their_shards_in_s3(
    s3: FaultyS3, service: EmulatedService, machine: Machine, job: Callable[..., Job]
) -> None:
    """One summary under the address; another machine finds all shards finished."""
    key = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    for name in ("a", "b"):
        machine(name)
        summary = run_workers(job(workers=2), Observers(), key=key).summary
        assert (summary.exit_code, summary.run_dir) == (ExitCode.DELIVERED_WITH_FAILURES, ADDRESS)
        assert summary.events_accepted == EVENTS
    assert service.calls()["attempts"] == EVENTS
    assert f"{PREFIX}rejected/reservations.csv" in s3.all_keys()


def test_which_parts_a_load_has_to_know() -> None:
    """Those of another division always; its neighbours only if it begins."""
    names = [f"shards/{part}/checkpoint.sqlite.zst" for part in ("1of2", "2of2", "1of3")]
    names += ["shards/2of3/lease.json", "shards/x/checkpoint.sqlite.zst", "rejected/shards/1of4/x"]
    one, two, third = Shard(number=1, of=2), Shard(number=2, of=2), Shard(number=1, of=3)
    assert parts_in(names) == [one, two, third]
    assert list(parts_beside(one, names, restart=False)) == [third]
    assert list(parts_beside(one, names, restart=True)) == [two, third]
    assert list(parts_beside(Shard(number=2, of=3), names, restart=False)) == [one, two, third]
    assert list(parts_beside(None, names, restart=False)) == [one, two, third]
