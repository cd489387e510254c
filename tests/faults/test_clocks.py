"""Clocks that jump while a load runs, or between two runs: only the time that really passed counts."""

from pathlib import Path

import pytest

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.machines import FAKETIME
from tests.faults.reliability import ASKS, GOES_ON
from tests.faults.test_token_life import World, dataset, doubled, left_in_doubt, wrong_but_for_doubles

UNAVAILABLE = FaultRule(
    fault=FaultKind.ERROR, code="ServiceUnavailableException", status=503, probability=0.5
)


async def jump_while_retried(trial: Trial, hours: float) -> None:
    """Set the clock in mid-load, while the events are tried again and again, and judge the end."""
    trial.settings |= dataset("APPEND")
    trial.write_extract(71, ExtractShape(rows=150, groups=40))
    async with trial.service(faults=FaultPlan(rules=(UNAVAILABLE,))) as emulator:
        world = World(trial, emulator)
        run = await world.start()
        assert await run.until(lambda: emulator.summary()["accepted"] >= 10)
        world.set_ahead(hours)
        accepted = emulator.summary()["accepted"]
        await run.until(lambda: emulator.summary()["accepted"] >= min(140, accepted + 60))
        emulator.set_faults(FaultPlan())
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.words


@pytest.mark.tried("The clock is set 9 hours ahead or back during retries", keeps=GOES_ON)
@pytest.mark.parametrize("hours", [9.0, pytest.param(-9.0, marks=pytest.mark.soak)])
async def test_a_clock_that_jumps_ages_no_token(trial: Trial, hours: float) -> None:
    """Nothing fails, nothing is in doubt, and the order is kept."""
    await jump_while_retried(trial, hours)


@pytest.mark.tried("The clock is set 9 hours ahead between two runs: APPEND", keeps=GOES_ON)
async def test_doubt_is_as_young_as_the_service_says(trial: Trial) -> None:
    """By the service's date it is recent, so no decision is required."""
    async with left_in_doubt(trial, **dataset("APPEND")) as world:
        world.set_ahead(9)
        ended = await world.run()
    assert trial.wrong(ended) == []
    assert (ended.code, doubled(trial)) == (0, 0), ended.words


@pytest.mark.tried("The clock is set back while 9 hours pass between two runs: APPEND", keeps=ASKS)
async def test_doubt_is_as_old_as_the_service_says(trial: Trial) -> None:
    """The clock of this machine says that no time has passed; the service's date says 9 hours."""
    async with left_in_doubt(trial, **dataset("APPEND")) as world:
        world.pass_hours(9)
        world.set_ahead(-9)
        asked = await world.run()
        assert asked.code == 6, asked.words
        ended = await world.run("--in-doubt", "resend")
    assert wrong_but_for_doubles(trial, ended) == []
    assert ended.code == 0


@pytest.mark.tried(
    "A slow APPEND runs for 9 hours, with or without suspension, is killed, and resumed at once", keeps=ASKS
)
async def test_doubt_of_a_long_load_is_young(trial: Trial) -> None:
    """Only events that were sent are in doubt, from their attempt on, so no decision is required."""
    trial.settings |= dataset("APPEND") | {"rate": 30}
    trial.write_extract(72, ExtractShape(rows=300, groups=100))
    async with trial.service(latency_seconds=0.05) as emulator:
        world = World(trial, emulator)
        run = await world.start()
        assert await run.until(lambda: emulator.summary()["accepted"] >= 30)
        world.pass_hours(9)
        accepted = emulator.summary()["accepted"]
        assert await run.until(lambda: emulator.summary()["accepted"] >= accepted + 30)
        await run.kill()
        ended = await world.run("--rate", "1000")
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.words


def set_faketime(file: Path, offset: str) -> None:
    """Let libfaketime show another time from now on."""
    file.write_text(offset)


@pytest.mark.tried("libfaketime: the system's clock jumps 9 hours during retries", keeps=GOES_ON)
@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
async def test_the_systems_clock_jumps(trial: Trial, tmp_path: Path) -> None:
    """The same with every clock call of the process, of the standard library and of SQLite."""
    trial.settings |= dataset("APPEND")
    trial.write_extract(73, ExtractShape(rows=150, groups=40))
    offset = tmp_path / "offset"
    set_faketime(offset, "+0")
    environment = {
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "LD_PRELOAD": str(FAKETIME),
    }
    async with trial.service(faults=FaultPlan(rules=(UNAVAILABLE,))) as emulator:
        run = await trial.start(emulator.url, **environment)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 10)
        set_faketime(offset, "+9h")
        accepted = emulator.summary()["accepted"]
        await run.until(lambda: emulator.summary()["accepted"] >= min(140, accepted + 60))
        emulator.set_faults(FaultPlan())
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.words
