"""Machines that are lost with their disks: the load goes on elsewhere, from what is in S3."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import Emulator
from loader.job.run_address import WORKING_FOLDER, working_copy_of
from tests.faults.extracts import random_shape
from tests.faults.harness import ACCESS_KEY, INSTANCE, KNOWN_RATE, Trial
from tests.faults.loader_run import LoaderRun
from tests.faults.reliability import GOES_ON, ONCE, STOPS
from tests.remote.faulty_s3 import BUCKET, Fault, FaultyS3

ADDRESS = f"s3://{BUCKET}/runs/orders"
LOST = "Machines killed with their disks; each time the load goes on elsewhere from its copy in S3"
TAKERS = "Two runners of one run directory in S3 at once, each of which takes the other's lease"
BAD_S3 = "S3 that answers 503, 409, 412, slowly, half or not at all, while machines are lost"

LEASE_IS_OLD = 1000.0
"""Seconds by which the clock of S3 is ahead of all leases: a runner that starts takes over at once."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyS3]:
    with FaultyS3().running() as server:
        yield server


class Machines:
    """Machines without anything in common but S3.

    Args:
        trial: The trial; its run directory is that of the last machine.
        s3: The server.
    """

    def __init__(self, trial: Trial, s3: FaultyS3) -> None:
        self._trial = trial
        self._s3 = s3
        self._number = 0
        s3.clear()

    @property
    def folder(self) -> Path:
        """The state folder of the machine that was started last."""
        return self._trial.folder / f"machine{self._number}"

    def buy(self) -> None:
        """Go over to a machine with nothing on its disk but a remembered rate: a cold start takes long."""
        self._number += 1

    def lose_disk(self) -> None:
        """Lose everything on the machine's disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self, emulator: Emulator, *flags: str) -> LoaderRun:
        """Start the load on the machine."""
        memory = RateMemory(emulator.url, ACCESS_KEY, INSTANCE, folder=self.folder / "scn-loader")
        memory.remember(Remembered(KNOWN_RATE), time.time())
        self._trial.run_dir = Path(ADDRESS)
        run = await self._trial.start(
            emulator.url, *flags, XDG_STATE_HOME=str(self.folder), **self._s3.environment
        )
        self._trial.run_dir = self.folder / "scn-loader" / WORKING_FOLDER / working_copy_of(ADDRESS).name
        return run


def has_accepted(emulator: Emulator, events: int) -> bool:
    """Return whether the service accepted so many events."""
    return bool(emulator.summary()["accepted"] >= events)


async def lose_machines(
    trial: Trial, s3: FaultyS3, seed: int, losses: int, faults: Callable[[str, str], Fault] | None = None
) -> None:
    """Kill a load on machine after machine, with and without their disks; let it end, and judge."""
    chance = Random(seed)
    machines = Machines(trial, s3)
    if faults is not None:
        s3.faults = faults
    trial.write_extract(seed, random_shape(chance, most_rows=300 * losses))
    trial.settings |= {"window_rows": chance.choice([20, 200]), "max_in_flight": chance.choice([4, 64])}
    latency = chance.choice([0.005, 0.03])
    async with trial.service(seed=seed, latency_seconds=latency, latency_jitter_seconds=latency) as emulator:
        machines.buy()
        for _ in range(losses):
            enough = emulator.summary()["accepted"] + chance.randint(1, 150)
            run = await machines.start(emulator)
            await run.until(partial(has_accepted, emulator, enough))
            trial.counts["kills"] += not run.is_over
            trial.counts["killed machine lost"] += not run.is_over
            await run.kill()
            s3.seconds_ahead = LEASE_IS_OLD
            if chance.random() < 0.7:
                machines.lose_disk()
                machines.buy()
        ended = await (await machines.start(emulator)).wait()
    s3.faults = lambda _method, _key: None
    assert trial.wrong(ended) == []
    assert ended.code == (1 if ended.summary and ended.summary["rows_rejected"] else 0)
    assert ended.summary is not None
    assert ended.summary["run_dir"] == ADDRESS
    assert f"{str(trial.folder)!r}" not in ended.out


@pytest.mark.tried(LOST, keeps=ONCE)
async def test_a_load_survives_lost_machines(trial: Trial, server: FaultyS3) -> None:
    """Every event is accepted once and in order, and the books balance."""
    await lose_machines(trial, server, seed=1, losses=2)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(LOST, keeps=ONCE)
@pytest.mark.parametrize("seed", range(100, 120))
async def test_a_load_survives_many_lost_machines(trial: Trial, server: FaultyS3, seed: int) -> None:
    """The same with more of them."""
    await lose_machines(trial, server, seed, losses=6)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(BAD_S3, keeps=ONCE)
@pytest.mark.parametrize("seed", range(200, 208))
async def test_a_load_survives_lost_machines_and_a_bad_s3(trial: Trial, server: FaultyS3, seed: int) -> None:
    """Faults of S3 on top of it."""
    chance = Random(seed)

    def faults(method: str, _key: str) -> Fault:
        kinds: list[Fault] = ["503", "409", "slow", "cut", "lost", "short"]
        return chance.choice(kinds) if chance.random() < (0.3 if method == "PUT" else 0.1) else None

    await lose_machines(trial, server, seed, losses=4, faults=faults)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(TAKERS, keeps=STOPS)
@pytest.mark.parametrize("seed", range(300, 306))
async def test_of_two_takers_one_goes_on(trial: Trial, server: FaultyS3, seed: int) -> None:
    """Both find the lease old. Who is refused a write stops with code 5; every event is accepted once."""
    chance = Random(seed)
    machines = Machines(trial, server)
    trial.write_extract(seed, random_shape(chance, most_rows=2000))
    server.seconds_ahead = LEASE_IS_OLD
    async with trial.service(latency_seconds=0.02) as emulator:
        machines.buy()
        first = await machines.start(emulator, "--rate", "100")
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        machines.buy()
        second = await machines.start(emulator, "--rate", "100")
        ends = [await first.wait(), await second.wait()]
        assert {each.code for each in ends} <= {0, 1, 2, 5}
        machines.buy()
        ended = await (await machines.start(emulator)).wait()
    # Until the slower one notices, both have events in flight, with the same tokens.
    wrong = [each for each in trial.wrong(ended) if "in flight" not in each]
    trial.counts["violations"] = len(wrong)
    assert wrong == []


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried("The network to S3 gone for a minute in the middle of a load", keeps=GOES_ON)
async def test_s3_is_gone_for_a_minute(trial: Trial, server: FaultyS3) -> None:
    """The load goes on, says so, and its last state is in S3 at the end."""
    machines = Machines(trial, server)
    trial.write_extract(9, random_shape(Random(9), most_rows=8000))
    async with trial.service() as emulator:
        machines.buy()
        run = await machines.start(emulator, "--rate", "60")
        await run.until(lambda: emulator.summary()["accepted"] > 20)
        server.faults = lambda _method, _key: "cut"
        await asyncio.sleep(60)
        server.faults = lambda _method, _key: None
        accepted = emulator.summary()["accepted"]
        assert accepted > 2000
        await run.kill()
        server.seconds_ahead = LEASE_IS_OLD
        machines.lose_disk()
        machines.buy()
        ended = await (await machines.start(emulator)).wait(300)
    assert trial.wrong(ended) == []
