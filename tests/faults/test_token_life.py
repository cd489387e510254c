"""The service forgets a token after 8 hours: what may go again, and what must be asked."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loader.checkpoint.queries import read_totals
from loader.checkpoint.reading import open_for_reading
from loader.emulator import Emulator, FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults import judge
from tests.faults.extracts import KEY, ExtractShape
from tests.faults.harness import INSTANCE, Trial, last_requests_taken
from tests.faults.loader_run import Ended, LoaderRun
from tests.faults.machines import LAUNCHER, MovedClock
from tests.faults.reliability import ASKS, ONCE

SHAPE = ExtractShape(rows=150, groups=60)

HOUR = 3600.0

ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/reservations"


def dataset(operation: str) -> dict[str, Any]:
    """Return the settings for a dataset of one's own, which knows operations."""
    return {"event_type": "scn.data.dataset", "dataset_arn": ARN, "operation": operation}


class World:
    """A trial whose clocks, the loader's and the emulator's, move together.

    Args:
        trial: The trial.
        emulator: The service.
    """

    def __init__(self, trial: Trial, emulator: Emulator) -> None:
        self.emulator = emulator
        self._trial = trial
        self.clock = MovedClock(trial.folder / "clock")
        self._hours = 0.0

    def pass_hours(self, hours: float) -> None:
        """Let time pass on both sides."""
        self.emulator.advance_clock(hours * HOUR)
        self._hours += hours
        self.emulator.skew_clock(self._hours * HOUR)
        self.clock.suspend(hours * HOUR)

    def set_ahead(self, hours: float) -> None:
        """Set the loader's clock wrong, and nothing else."""
        self.clock.set_ahead(hours * HOUR)

    async def start(self, *flags: str) -> LoaderRun:
        """Start the command with the clock of this world."""
        return await self._trial.start(self.emulator.url, *flags, launcher=LAUNCHER, **self.clock.environment)

    async def run(self, *flags: str) -> Ended:
        """Run the command to its end."""
        return await (await self.start(*flags)).wait()

    async def status(self) -> Ended:
        """Run ``status`` with the clock of this world."""
        return await self._trial.status(launcher=LAUNCHER, **self.clock.environment)


@asynccontextmanager
async def left_in_doubt(trial: Trial, **settings: Any) -> AsyncIterator[World]:
    """Kill a load while accepted events have no receipt yet, and give the world it left behind."""
    trial.settings |= settings
    trial.write_extract(41, SHAPE)
    async with trial.service(latency_seconds=0.5) as emulator:
        world = World(trial, emulator)
        run = await world.start()
        assert await run.until(lambda: emulator.summary()["accepted"] >= 25)
        await run.kill()
        await last_requests_taken(emulator)
        await emulator.flush()
        assert len(judge.accepted_tokens(trial.ledger())) >= 25
        yield world


def doubled(trial: Trial) -> int:
    """Return how many events were accepted more than once; none more than twice."""
    accepted = [row.client_token for row in trial.ledger() if row.verdict == "accepted"]
    assert all(accepted.count(token) <= 2 for token in set(accepted))
    return len(accepted) - len(set(accepted))


def receipts(trial: Trial) -> int:
    """Return how many events the checkpoint of a run that is over knows to be accepted."""
    with open_for_reading(trial.run_dir, alive=False) as connection:
        return read_totals(connection).events_accepted


def wrong_but_for_doubles(trial: Trial, ended: Ended) -> list[str]:
    """Return violations except for events that were accepted again after their tokens expired."""
    return trial.wrong(ended, allowed="a second time")


@pytest.mark.tried("A load killed with events in doubt is resumed after 7 hours", keeps=ONCE)
async def test_within_the_life_of_a_token_no_decision_is_needed(trial: Trial) -> None:
    """Also with APPEND the events go again with their tokens, and the service knows them."""
    async with left_in_doubt(trial, **dataset("APPEND")) as world:
        world.pass_hours(7)
        ended = await world.run()
    assert trial.wrong(ended) == []
    assert (ended.code, doubled(trial)) == (0, 0)


@pytest.mark.tried(
    "A load killed with events in doubt is resumed after 9 hours: typed, UPSERT, DELETE", keeps=ASKS
)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param(dataset("UPSERT"), marks=pytest.mark.soak),
        pytest.param(dataset("DELETE"), marks=pytest.mark.soak),
    ],
    ids=["typed", "UPSERT", "DELETE"],
)
async def test_events_in_doubt_that_may_be_repeated_are_sent_again(
    trial: Trial, settings: dict[str, Any]
) -> None:
    """The events in doubt are sent again, first in their groups, without a decision."""
    async with left_in_doubt(trial, **settings) as world:
        world.pass_hours(9)
        ended = await world.run()
    assert wrong_but_for_doubles(trial, ended) == []
    assert ended.code == 0
    assert doubled(trial) > 0  # the emulator had forgotten them: it was a real risk


@pytest.mark.tried("A load killed with events in doubt is resumed after 9 hours: APPEND", keeps=ASKS)
@pytest.mark.parametrize(("choice", "code"), [("resend", 0), ("skip", 1)])
async def test_an_append_in_doubt_waits_for_a_decision(trial: Trial, choice: str, code: int) -> None:
    """Exit code 6 and nothing sent until the user says; then exactly what the user says."""
    async with left_in_doubt(trial, **dataset("APPEND")) as world:
        world.pass_hours(9)
        attempts = world.emulator.summary()["attempts"]
        unknown = len(judge.accepted_tokens(trial.ledger())) - receipts(trial)
        assert unknown > 0
        asked = await world.run()
        assert (asked.code, world.emulator.summary()["attempts"]) == (6, attempts)
        assert "--in-doubt resend" in asked.err
        assert "--in-doubt skip" in asked.err
        status = await world.status()
        assert "are older than the service remembers (8 hours)" in status.out
        ended = await world.run("--in-doubt", choice)
    assert ended.code == code, ended.words
    assert ended.summary is not None
    if choice == "resend":
        assert wrong_but_for_doubles(trial, ended) == []
        assert doubled(trial) == unknown
    else:
        assert doubled(trial) == 0
        # What was skipped counts as failed, although the ledger, unlike anybody else, knows better.
        assert trial.wrong(ended, complete=False, allowed="another number") == []
        assert ended.summary["events_failed"] >= unknown
        assert (ended.summary["events_in_doubt"], ended.summary["events_unprocessed"]) == (0, 0)


@pytest.mark.tried("An event gets no answer for 8 hours while the load runs", keeps=ASKS)
async def test_an_event_without_answer_is_given_up_in_doubt(trial: Trial) -> None:
    """No attempt goes out with a dead token; the event ends in doubt, the others are delivered."""
    trial.settings |= dataset("APPEND")
    groups = Counter(row[KEY[0]] for row in trial.write_extract(42, SHAPE))
    alone = next(group for group, rows in groups.items() if rows == 1)
    lost = FaultRule(fault=FaultKind.ANSWER_LOST, groups=frozenset({alone}))
    async with trial.service(faults=FaultPlan(rules=(lost,))) as emulator:
        world = World(trial, emulator)
        run = await world.start()
        assert await run.until(lambda: emulator.summary()["accepted"] == SHAPE.rows)
        world.pass_hours(8)
        ended = await run.wait()
        assert ended.code == 6, ended.words
    assert ended.summary is not None
    assert ended.summary["events_in_doubt"] == 1
    assert ended.summary["events_accepted"] == SHAPE.rows - 1
    assert doubled(trial) == 0
