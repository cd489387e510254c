"""Laws 4 and 5 over random extracts: plans are the same everywhere, and what is held stays in its budget."""

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping
from loader.delivery.limits.byte_budget import event_bytes
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.settings import DeliverySettings
from loader.extract import open_extract
from loader.extract.planning import plan_slices
from loader.job import Job
from loader.model import Event, EventResult, Outcome, OutcomeKind
from loader.stage_settings.extract import extract_settings
from tests.faults.extracts import EVENT_TYPE, KEY, ExtractShape, random_rows, random_shape, write_extract
from tests.faults.harness import INSTANCE, ROOT
from tests.faults.planned import digest, digests
from tests.faults.reliability import BOUNDED, REPEATABLE
from tests.thoroughness import examples

SEEDS = st.integers(0, 10**9)

MOST_ROWS = examples(80, 200)
"""Rows of the largest extract: each may be a window."""


def random_job(folder: Path, seed: int, *, most_rows: int = MOST_ROWS) -> dict[str, Any]:
    """Write a random extract and return random settings for it."""
    chance = Random(seed)
    name = f"{seed}.{chance.choice(['csv', 'parquet'])}"
    extract = write_extract(folder / name, random_rows(chance, random_shape(chance, most_rows=most_rows)))
    return {
        "extract": [str(extract)],
        "event_type": EVENT_TYPE,
        "instance_id": INSTANCE,
        "group_by": chance.choice([[KEY[0]], list(KEY), []]),
        "window_rows": chance.choice([1, 7, 50, 1000]),
        "nulls": chance.choice(["omit", "null"]),
        **chance.choice([{}, {"pack": "group"}, {"pack": "group", "group_buckets": 5, "max_records": 4}]),
    }


@pytest.mark.tried("Windows planned in any order, each separately", keeps=REPEATABLE)
@settings(
    max_examples=examples(8, 60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=SEEDS, order=st.randoms(use_true_random=False))
def test_a_window_is_planned_the_same_in_any_order(tmp_path: Path, seed: int, order: Random) -> None:
    """What was planned before a window, in this run or never, changes no byte of its events."""
    job = Job(**random_job(tmp_path, seed))
    in_order = [digest(plan) for plan in plan_slices(job.destination, open_extract(extract_settings(job)))]
    numbers = list(range(len(in_order)))
    order.shuffle(numbers)
    for number in numbers[:8]:
        extract = open_extract(extract_settings(job))
        # A window is one slice here.
        (alone,) = plan_slices(job.destination, extract, extract.slices(number.__eq__))
        assert digest(alone) == in_order[number]


@pytest.mark.tried("The same extract planned by other processes", keeps=REPEATABLE)
def test_other_processes_plan_the_same(tmp_path: Path) -> None:
    """Neither the process nor its hash seed has a part in tokens and bytes."""
    jobs = [random_job(tmp_path, seed) for seed in range(examples(5, 40))]
    (tmp_path / "jobs.json").write_bytes(orjson.dumps(jobs))
    command = [sys.executable, "-m", "tests.faults.planned", str(tmp_path / "jobs.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=examples(60, 300))
    assert orjson.loads(done.stdout) == [digests(job) for job in jobs]


class FickleClient:
    """Makes attempts that fail by chance, and looks at what is held whenever it is asked.

    Args:
        chance: Decides.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.dispatcher: Dispatcher | None = None
        self.most_held_bytes = 0

    async def attempt(self, _event: Event) -> Outcome:
        """Look, and answer."""
        assert self.dispatcher is not None
        self.most_held_bytes = max(self.most_held_bytes, self.dispatcher.stats.held_bytes)
        if self._chance.random() < 0.2:
            return Outcome(OutcomeKind.UNKNOWN, code="NoReceipt", may_have_been_accepted=True)
        return Outcome(OutcomeKind.ACCEPTED, event_id="4fbc7e22-8a3c-4b7e-9b8e-4a3f5d6c7b8a")

    async def refresh_credentials(self) -> None:
        """Nothing to refresh."""

    def adjust_clock(self, server_time: float) -> None:
        """Nothing to adjust."""


@pytest.mark.tried("Random extracts delivered under a small byte budget with failing attempts", keeps=BOUNDED)
@pytest.mark.parametrize("seed", range(3))
async def test_bytes_held_exceed_the_budget_by_less_than_one_event(tmp_path: Path, seed: int) -> None:
    """From the offer to the receipt, retries included, no more is held than the budget and one event."""
    chance = Random(seed)
    extract = write_extract(
        tmp_path / "extract.csv", random_rows(chance, ExtractShape(rows=120, groups=10, longest_text=3000))
    )
    job = Job(extract=(str(extract),), event_type=EVENT_TYPE, instance_id=INSTANCE, group_by=(KEY[0],))
    events = [
        event
        for plan in plan_slices(job.destination, open_extract(extract_settings(job)))
        for event in plan.events
    ]
    budget = chance.choice([1, 20_000, 100_000])
    client, results = FickleClient(chance), list[EventResult]()
    client.dispatcher = dispatcher = Dispatcher(
        client,
        LearnedLimits(Governor(now=0.0, learned_rate=10_000.0), InFlightCap(maximum=64)),
        Bookkeeping(results.append),
        settings=DeliverySettings(max_held_bytes=budget),
    )
    await deliver(dispatcher, events)
    assert len(results) == len(events)
    assert client.most_held_bytes < budget + max(map(event_bytes, events))
    assert client.most_held_bytes >= min(budget, event_bytes(events[0]))


async def deliver(dispatcher: Dispatcher, events: list[Event]) -> None:
    """Offer all events while they are delivered."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatcher.run())
        for event in events:
            assert await dispatcher.offer(event)
        dispatcher.close_intake()
