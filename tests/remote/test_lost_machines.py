"""Runners that are killed with their disks, at a pace at which copies are taken all the time."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from loader.job import Job
from loader.testing import EmulatedService
from tests.remote.conftest import FAST, ROWS, Load
from tests.remote.faulty_s3 import Fault, FaultyS3

EVENTS = ROWS - 1

SHORT = 2
"""The last seed with which one machine is lost, not four."""


def kill_one(job: Job, service: EmulatedService, events: int) -> None:
    """Run the load in a process of its own, and kill it once it has so many more events accepted."""
    until_accepted = service.emulator.summary()["accepted"] + events
    settings = job.model_dump(mode="json", exclude_unset=True)
    command = [sys.executable, "-m", "tests.remote.runner", json.dumps(settings), json.dumps(asdict(FAST))]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while process.poll() is None and service.emulator.summary()["accepted"] < until_accepted:
            assert time.monotonic() < until
            time.sleep(0.005)
        process.kill()
    while service.emulator.open_connections:  # what it had sent arrives before the next one begins
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.soak) for n in range(3, 13))])
def test_a_lost_machine_costs_no_event(
    load: Load,
    s3: FaultyS3,
    service: EmulatedService,
    machine: Callable[[str], Path],
    job: Callable[..., Job],
    *,
    seed: int,
) -> None:
    """The next one goes on from the last copy: nothing is lost, doubled or overtaken, little is repeated.

    With even seeds, S3 fails in each way meanwhile.
    """
    chance = Random(seed)

    def faults(_method: str, _key: str) -> Fault:
        kinds: list[Fault] = ["503", "409", "cut", "lost", "short"]
        return chance.choice(kinds) if chance.random() < 0.2 else None

    if seed % 2 == 0:
        s3.faults = faults
    for number in range(1 if seed <= SHORT else 4):
        folder = machine(f"lost-{number}")
        kill_one(job(rate=150, burst=2, window_rows=40), service, chance.randint(20, 50))
        shutil.rmtree(folder)
        s3.seconds_ahead = 1000
    machine("last")
    summary = load(window_rows=40).summary
    assert summary.resumed
    assert summary.events_accepted == EVENTS
    calls = service.calls()
    assert (calls["accepted"], calls["overtaken"], calls["overlaps"]) == (EVENTS, 0, 0)
    again = calls["attempts"] - EVENTS
    assert again < 120 * (1 if seed <= SHORT else 4)  # at most what was sent since the last copy, each time
