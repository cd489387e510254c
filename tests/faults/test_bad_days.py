"""Everything goes wrong at once, or for a while: the load waits, goes on, and delivers each event once."""

from signal import SIGTERM

import pytest

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults.extracts import ExtractShape
from tests.faults.fault_mix import BAD_DAY, mixed
from tests.faults.harness import Trial
from tests.faults.reliability import GOES_ON, ONCE

MIX = (
    "30 % throttled, 10 % 5xx (a fifth of them after acceptance), 5 % resets, 5 % answers lost after "
    "acceptance, 2 % garbage (no eventId, no JSON, cut bodies, broken chunks, HTML), closed connections, "
    "slow answers"
)


@pytest.mark.timeout(200)
@pytest.mark.tried(MIX, keeps=ONCE)
async def test_a_bad_day_is_survived(trial: Trial) -> None:
    """The first sixty calls meet every fault, and the load ends normally."""
    trial.write_extract(1, ExtractShape(rows=150, groups=40))
    early = [(share, rule.model_copy(update={"last_call": 60})) for share, rule in BAD_DAY]
    async with trial.service(faults=mixed(3, early), latency_seconds=0.005) as emulator:
        # The governor takes throttles by chance for a limit, and is slow for as long as they last.
        ended = await (await trial.start(emulator.url)).wait(180)
    assert trial.wrong(ended) == []
    assert ended.code == 0
    met = {row.fault for row in trial.ledger()}
    assert {"ThrottlingException", "InternalServerException", "reset", "answer_lost"} <= met


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.tried(MIX, keeps=ONCE)
@pytest.mark.parametrize("seed", range(8))
async def test_a_bad_day_without_end_is_survived(trial: Trial, seed: int) -> None:
    """The same for every call of the load."""
    trial.write_extract(seed, ExtractShape(rows=120, groups=[10, 120][seed % 2], longest_text=2000))
    async with trial.service(faults=mixed(seed), latency_seconds=0.005) as emulator:
        ended = await (await trial.start(emulator.url)).wait(840)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("Three answers never arrive", keeps=GOES_ON)
async def test_missing_answers_do_not_delay_other_groups(trial: Trial) -> None:
    """Events of other groups are delivered while three calls wait for an answer that does not come."""
    trial.write_extract(8, ExtractShape(rows=150, groups=150))
    silent = FaultRule(fault=FaultKind.HANG, seconds=100, calls=frozenset({20, 21, 22}))
    async with trial.service(faults=FaultPlan(rules=(silent,))) as emulator:
        run = await trial.start(emulator.url, "--drain-seconds", "0")
        # All but the few of their own groups, and well before the timeout of an attempt, which is 60 s.
        assert await run.until(lambda: emulator.summary()["accepted"] >= 135, 30)
        run.signal(SIGTERM)
        assert (await run.wait()).code == 143
        emulator.set_faults(FaultPlan())
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0
