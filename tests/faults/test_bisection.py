"""Packed extracts with rows that the service refuses: one bad row costs one row, whatever else goes wrong."""

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from random import Random

import pytest

from loader.emulator import Emulator, FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from loader.model import MAX_EVENT_BYTES
from tests.faults import judge
from tests.faults.extracts import KEY, ExtractShape, write_extract
from tests.faults.fault_mix import BAD_DAY, THROTTLED, mixed
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended
from tests.faults.reliability import ONCE, POLICY

ROWS = 160
UNDOUBTED = [(share, rule) for share, rule in BAD_DAY if rule is THROTTLED or rule.fault is FaultKind.CLOSE]
"""Faults after which nobody can think that an event was accepted."""


def prepare(trial: Trial, seed: int, bad: int) -> list[int]:
    """Write a packed extract and return some of its rows, as values of the second key column, by number."""
    trial.write_extract(seed, ExtractShape(rows=ROWS, groups=6))
    trial.settings |= {"pack": "group", "max_records": 12, "window_rows": 80}
    return sorted(Random(seed).sample(range(ROWS), bad))


def refusing(rows: Collection[int]) -> dict[str, object]:
    """Return the emulator's settings that refuse these rows."""
    return {"refused_values": {KEY[1]: frozenset(f"{row:06d}" for row in rows)}}


def wrong(trial: Trial, ended: Ended, bad: Collection[int], allowed: str | None = None) -> list[str]:
    """Judge a load that ended with exactly the bad rows refused."""
    found = trial.wrong(ended, complete=False, allowed=allowed)
    ledger, plan = trial.ledger(), trial.plan()
    every = {place for event in plan.events for place in judge.places_of(event)}
    if judge.accepted_rows(ledger, plan) != every - {(0, row) for row in bad}:
        found.append("not exactly the good rows were accepted")
    if ended.summary is not None and ended.summary["records_failed"] != len(bad):
        found.append(f"{ended.summary['records_failed']} records count as failed")
    with closing(sqlite3.connect(trial.checkpoint_path)) as checkpoint:
        told = checkpoint.execute("SELECT first_row, rows, code FROM failures ORDER BY first_row").fetchall()
    if told != [(row, 1, "ValidationException") for row in bad]:
        found.append(f"the checkpoint tells of other failures: {told}")
    return found


def events_with(trial: Trial, bad: Collection[int]) -> int:
    """Return how many events hold a bad row."""
    return sum(not set(bad).isdisjoint(event.rows) for event in trial.plan().events)


@pytest.mark.tried("Bad rows in packed events that are also throttled", keeps=POLICY)
async def test_a_bad_row_costs_a_row(trial: Trial) -> None:
    """All other rows arrive once and in order; the bad ones are listed, and can be sent again."""
    bad = prepare(trial, 61, 9)
    async with trial.service(**refusing(bad), faults=mixed(61, UNDOUBTED, scale=0.5)) as emulator:
        ended = await trial.run(emulator.url)
    assert wrong(trial, ended, bad) == []
    assert ended.code == 1
    assert ended.summary is not None
    assert ended.summary["events_failed"] == events_with(trial, bad)
    status = await trial.status()
    assert f"{len(bad)} x ValidationException: Record 0: column '{KEY[1]}' has a value" in status.out
    assert f"row {bad[0] + 1:,}" in status.out
    async with trial.service() as emulator:  # the service has learned to take them
        mended = await trial.run(emulator.url, "--retry-failed")
    # A bad row that is sent later is overtaken by those that were accepted before it.
    assert trial.wrong(mended, allowed="after a later event") == []
    assert mended.code == 0
    assert mended.summary is not None
    assert (mended.summary["attempts"], mended.summary["records_failed"]) == (len(bad), 0)


async def kill_at(trial: Trial, emulator: Emulator, refusals: int) -> None:
    """Kill a run when the service has refused so many more events and parts."""

    def refused() -> int:
        return int(emulator.summary()["verdicts"].get("rejected:ValidationException", 0))

    enough = refused() + refusals
    run = await trial.start(emulator.url)
    await run.until(lambda: refused() >= enough)
    await run.kill()
    trial.counts["kills"] += 1


@pytest.mark.tried("SIGKILL while events are divided into parts, then a run to the end", keeps=ONCE)
async def test_a_bisection_survives_kills(trial: Trial) -> None:
    """A run that resumes goes on with the same parts: no row twice, none lost, order kept."""
    bad = prepare(trial, 62, 14)
    chance = Random(62)
    async with trial.service(**refusing(bad), latency_seconds=0.01) as emulator:
        for _ in range(2):
            await kill_at(trial, emulator, chance.randint(1, 20))
        ended = await trial.run(emulator.url)
    assert wrong(trial, ended, bad) == []
    assert ended.code == 1


# Random throttling slows the governor down, and kills are to fall into work, not into waiting.
KILLED_DAY = [(share / 2, rule) for share, rule in BAD_DAY if rule is not THROTTLED]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried("SIGKILL while events are divided into parts, then a run to the end", keeps=ONCE)
@pytest.mark.parametrize("seed", range(160, 176))
async def test_a_bisection_survives_kills_on_a_bad_day(trial: Trial, seed: int) -> None:
    """The same with every fault there is; where doubt forbids to cut, --retry-failed does it."""
    chance = Random(seed)
    bad = prepare(trial, seed, chance.randint(1, 40))
    async with trial.service(
        **refusing(bad), latency_seconds=0.01, faults=mixed(seed, KILLED_DAY)
    ) as emulator:
        for _ in range(6):
            await kill_at(trial, emulator, chance.randint(1, 30))
        await trial.run(emulator.url)
    async with trial.service(**refusing(bad)) as emulator:
        ended = await trial.run(emulator.url, "--retry-failed")
    assert wrong(trial, ended, bad, allowed="after a later event") == []


@pytest.mark.tried("A refusal after a lost answer, or after a 5xx", keeps=ONCE)
async def test_nothing_is_cut_after_a_lost_answer(trial: Trial) -> None:
    """The service may hold the whole of the event: a refusal of its second attempt divides nothing."""
    prepare(trial, 64, 0)
    rules = (
        FaultRule(fault=FaultKind.ANSWER_LOST, attempts=frozenset({1}), probability=0.5),
        FaultRule(
            fault=FaultKind.ERROR,
            code="InternalServerException",
            attempts=frozenset({1}),
            after_acceptance=True,
        ),
        FaultRule(fault=FaultKind.ERROR, code="ValidationException"),
    )
    async with trial.service(faults=FaultPlan(seed=1, rules=rules)) as emulator:
        ended = await trial.run(emulator.url)
    plan = trial.plan()
    assert {row.client_token for row in trial.ledger()} == plan.tokens
    assert ended.summary is not None
    assert ended.summary["attempts"] == 2 * len(plan.events)
    with closing(sqlite3.connect(trial.checkpoint_path)) as checkpoint:
        assert checkpoint.execute("SELECT count(*) FROM parts").fetchone() == (0,)


@pytest.mark.tried("Every row of packed events is refused: --max-errors N", keeps=POLICY)
async def test_bad_records_count_as_they_are_found(trial: Trial) -> None:
    """--max-errors counts rows, in the middle of an event too."""
    prepare(trial, 65, 0)
    async with trial.service(**refusing(range(ROWS)), latency_seconds=0.01) as emulator:
        stopped = await trial.run(emulator.url, "--max-errors", "7", "--max-in-flight", "1")
    assert stopped.code == 3
    assert stopped.summary is not None
    assert stopped.summary["records_failed"] == 8
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url, "--retry-failed")
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("Packed in buckets with few records per event, and a row too large for any", keeps=ONCE)
async def test_limits_of_packing(trial: Trial) -> None:
    """No event has more than --max-records, groups are --group-buckets many, a row too large is rejected."""
    rows = list(trial.write_extract(66, ExtractShape(rows=60, groups=30)))
    rows[7] = {**rows[7], "product_id": "x" * MAX_EVENT_BYTES}
    write_extract(trial.folder / "extract.csv", rows)
    trial.settings |= {"pack": "group", "group_buckets": 3, "max_records": 4}
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert (ended.code, ended.summary and ended.summary["rows_rejected"]) == (1, 1)
    events = trial.plan().events
    assert {event.group for event in events} == {"bucket-0", "bucket-1", "bucket-2"}
    assert max(len(event.rows) for event in events) == 4
    status = await trial.status()
    assert re.search(r"row 8\b", status.out)
    assert re.search(r"a record of 1,048,\d+ bytes, more than the 1,048,576 of an event", status.out)
