"""Shards, workers and their parent die, disks are lost and N changes: each event is still delivered once."""

from random import Random

import pytest

from benchmarks.shard_rates import most_in_a_second
from tests.faults.extracts import ExtractShape
from tests.faults.fault_mix import BAD_DAY, THROTTLED, mixed
from tests.faults.harness import Trial
from tests.faults.reliability import ONCE
from tests.faults.shard_fire import DELIVERED, Machines, Workers

FAULTS = [(share / 2, rule) for share, rule in BAD_DAY if rule is not THROTTLED]

MACHINES = "Shards killed, with their disks or without, and divided into another number, within 8 hours"
WORKERS = "Workers and their parent killed, and the command run again with another number"

STRIKES, SOAK_STRIKES = 9, 16

RATE, BURST = 150, 15

BUNCHED = 1.25
"""What is sent evenly arrives in bunches on a busy machine. Workers that ignored each other would send twice
the rate; the exact measurement is that of ``make bench-shards``."""


def prepare(trial: Trial, chance: Random, *, strikes: int) -> None:
    """Write an extract that takes the shards longer than the strikes, and draw a way to pack it."""
    rows = 90 * strikes
    shape = ExtractShape(rows=rows, groups=rows // chance.choice([4, 20]), rejected_share=0.02)
    trial.write_extract(chance.randrange(10**6), shape, chance.choice(["extract.csv", "extract.parquet"]))
    trial.settings |= {
        "window_rows": chance.choice([50, 400, 2000]),
        "max_in_flight": 6,
        **chance.choice(
            [
                {},
                {},
                {"pack": "group", "max_records": 3},
                {"pack": "group", "group_buckets": 40, "max_records": 4},
            ]
        ),
    }


async def survive_machines(trial: Trial, seed: int, strikes: int) -> None:
    """Strike so often, let the shards end, and judge."""
    chance = Random(seed)
    prepare(trial, chance, strikes=strikes)
    faults = mixed(seed, FAULTS, scale=chance.choice([0.0, 1.0]))
    async with trial.service(
        seed=seed, faults=faults, latency_seconds=0.03, latency_jitter_seconds=0.03
    ) as emulator:
        machines = Machines(trial, emulator, chance)
        await machines.start(3)
        for _ in range(strikes):
            await machines.strike()
        ends = await machines.to_end()
    assert [end.words for end in ends if end.code not in DELIVERED] == []
    assert await machines.wrong() == []


@pytest.mark.tried(MACHINES, keeps=ONCE)
async def test_shards_survive_their_machines(trial: Trial) -> None:
    """Nothing is lost, doubled or out of order, and what the disks hold as accepted is not sent again."""
    await survive_machines(trial, 3, STRIKES)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(MACHINES, keeps=ONCE)
@pytest.mark.parametrize("seed", range(100, 108))
async def test_shards_survive_their_machines_often(trial: Trial, seed: int) -> None:
    """The same with more strikes and other extracts."""
    await survive_machines(trial, seed, SOAK_STRIKES)


async def survive_workers(trial: Trial, seed: int, *, workers: int, parents: int) -> None:
    """Kill so many workers under each of the parents and then the parent; let the last one end, and judge."""
    chance = Random(seed)
    prepare(trial, chance, strikes=(workers + 1) * (parents + 1))
    trial.settings |= {"rate": RATE, "burst": BURST}
    async with trial.service(seed=seed, latency_seconds=0.05, latency_jitter_seconds=0.05) as emulator:
        load = Workers(trial, emulator, chance)
        await load.start(2)
        for _ in range(parents):
            for _ in range(workers):
                await load.strike_a_worker()
            await load.strike_the_parent(chance.choice([2, 3]))
        for _ in range(workers):
            await load.strike_a_worker()
        ended = await load.to_end()
    assert ended.code in DELIVERED, ended.words
    assert await load.wrong() == []
    assert most_in_a_second([row.at for row in trial.ledger()]) <= BUNCHED * RATE + BURST


@pytest.mark.tried(WORKERS, keeps=ONCE)
async def test_workers_survive_kills(trial: Trial) -> None:
    """Workers that die are started again, and the parent's death leaves a load that is resumed."""
    await survive_workers(trial, 1, workers=2, parents=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(WORKERS, keeps=ONCE)
@pytest.mark.parametrize("seed", range(100, 108))
async def test_workers_survive_many_kills(trial: Trial, seed: int) -> None:
    """The same with more kills and other extracts."""
    await survive_workers(trial, seed, workers=3, parents=2)
