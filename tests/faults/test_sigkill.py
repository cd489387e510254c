"""SIGKILL at any moment, again and again, and the load still delivers each event once."""

import asyncio
import re
from random import Random

import pytest

from loader.emulator import Emulator
from tests.faults.extracts import random_shape
from tests.faults.fault_mix import BAD_DAY, THROTTLED, mixed
from tests.faults.harness import Trial
from tests.faults.kill_points import KILL_POINTS, KillPoint, kill_once
from tests.faults.reliability import ONCE

# Random throttling slows the governor down, and kills are to fall into work, not into waiting.
FAULTS = [(share / 2, rule) for share, rule in BAD_DAY if rule is not THROTTLED]

KILLS = 5
SOAK_KILLS = 10


async def survive(trial: Trial, seed: int, points: list[KillPoint], *, looks: bool = False) -> None:
    """Kill the load at each of the points, look at what is left if asked to, let it end, and judge."""
    chance = Random(seed)
    shape = random_shape(chance, most_rows=160 * len(points))
    trial.write_extract(seed, shape, chance.choice(["extract.csv", "extract.parquet"]))
    trial.settings |= {
        "window_rows": chance.choice([20, 100, 2000]),
        "max_in_flight": chance.choice([4, 256]),
        **chance.choice([{}, {}, {"pack": "group", "max_records": 3}]),
    }
    faults = mixed(seed, FAULTS, scale=chance.choice([0.0, 1.0]))
    latency = chance.choice([0.005, 0.05])
    async with trial.service(
        seed=seed, faults=faults, latency_seconds=latency, latency_jitter_seconds=latency
    ) as emulator:
        for point in points:
            await kill_once(trial, emulator, chance, point)
            if looks:
                await look(trial, emulator)
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == (1 if ended.summary and ended.summary["rows_rejected"] else 0)


async def look(trial: Trial, emulator: Emulator) -> None:
    """Check that ``status`` tells of a killed load neither more nor less than can be known."""
    status = await trial.status()
    if status.code == 2:
        assert "state     no load" in status.out
        return
    if "finished" not in status.out:  # the last kill may have come too late
        assert "scn-loader load" in status.out  # the command that resumes it
    events = re.search(r"([\d,]+) accepted, 0 failed, ([\d,]+) in doubt", status.out)
    assert events is not None, status.out
    receipts, in_doubt = (int(number.replace(",", "")) for number in events.groups())
    assert receipts <= emulator.summary()["accepted"] <= receipts + in_doubt


def points_of(seed: int, kills: int) -> list[KillPoint]:
    """Return random kinds of moments."""
    return Random(seed).choices(KILL_POINTS, k=kills)


@pytest.mark.tried("SIGKILL at random moments of several runs of a load, then a run to the end", keeps=ONCE)
@pytest.mark.parametrize("seed", range(4))
async def test_a_load_survives_random_kills(trial: Trial, seed: int) -> None:
    """Whatever moments the kills fall on, every event is accepted once, in order, and the books balance."""
    await survive(trial, seed, points_of(seed, KILLS))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried("SIGKILL at random moments of several runs of a load, then a run to the end", keeps=ONCE)
@pytest.mark.parametrize("seed", range(100, 124))
async def test_a_load_survives_many_random_kills(trial: Trial, seed: int) -> None:
    """The same with more kills for each load."""
    await survive(trial, seed, points_of(seed, SOAK_KILLS), looks=True)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried("SIGKILL repeatedly at one kind of moment, then a run to the end", keeps=ONCE)
@pytest.mark.parametrize("point", KILL_POINTS, ids=lambda point: point.name)
async def test_a_load_survives_the_same_kill_again_and_again(trial: Trial, point: KillPoint) -> None:
    """No kind of moment becomes dangerous by repetition."""
    await survive(trial, sum(map(ord, point.name)), [point] * SOAK_KILLS, looks=True)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried("Two loads of the same extract in two run directories at once, both killed", keeps=ONCE)
async def test_two_loads_of_the_same_extract_deliver_it_once(trial: Trial) -> None:
    """A load started twice by accident, in two folders, sends the same tokens: the events arrive once."""
    chance = Random(7)
    trial.write_extract(7, random_shape(chance, most_rows=400))
    async with trial.service(latency_seconds=0.01) as emulator:
        second = ("--run-dir", str(trial.folder / "second"))
        await asyncio.gather(trial.run(emulator.url), trial.run(emulator.url, *second))
        ended = await trial.run(emulator.url)
    found = trial.wrong(ended)
    wrong = [each for each in found if "in flight" not in each]  # two loads do not know of each other
    overlaps = len(found) - len(wrong)
    trial.counts.update({"overlaps": overlaps, "violations": -overlaps})
    assert wrong == []
