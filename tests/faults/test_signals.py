"""SIGTERM and Ctrl-C: what is in flight is waited for, within a budget; a second signal leaves at once."""

import signal
from signal import SIGINT, SIGTERM

import pytest

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.reliability import STOPS

SHAPE = ExtractShape(rows=200, groups=200)

SILENT = FaultPlan(rules=(FaultRule(fault=FaultKind.HANG, seconds=40, first_call=30),))
"""From the 30th call on events are accepted, but the answers do not come in time."""

WHEN_ASKED = [(SIGINT, 130), (SIGTERM, 143)]


@pytest.mark.tried("SIGINT, SIGTERM: pending answers arrive within the budget", keeps=STOPS)
@pytest.mark.parametrize(("number", "code"), WHEN_ASKED)
async def test_a_signal_waits_for_what_is_in_flight(trial: Trial, number: signal.Signals, code: int) -> None:
    """Nothing is left in doubt, nothing new is sent, and the same command resumes."""
    trial.write_extract(31, SHAPE)
    async with trial.service(latency_seconds=0.4) as emulator:
        run = await trial.start(emulator.url, "--rate", "20")  # the rest would take 10 s, however slow we are
        assert await run.until(lambda: emulator.summary()["accepted"] >= 10)
        run.signal(number)
        stopped = await run.wait()
        assert stopped.code == code
        assert stopped.summary is not None
        assert stopped.summary["events_in_doubt"] == 0
        assert stopped.summary["events_accepted"] == emulator.summary()["accepted"] < SHAPE.rows
        assert "the load can be resumed" in stopped.out
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0
    assert ended.summary is not None
    assert ended.summary["attempts"] == SHAPE.rows - stopped.summary["events_accepted"]  # none in vain


@pytest.mark.tried("SIGTERM: pending answers do not arrive within the budget", keeps=STOPS)
async def test_a_signal_does_not_wait_for_ever(trial: Trial) -> None:
    """After the budget the unanswered events are in doubt, and sent again by the next run."""
    trial.write_extract(32, SHAPE)
    async with trial.service(faults=SILENT) as emulator:
        run = await trial.start(emulator.url, "--drain-seconds", "0.5")
        assert await run.until(lambda: emulator.summary()["accepted"] >= 30)
        run.signal(SIGTERM)
        stopped = await run.wait(20)  # far below the 40 s of silence
        assert stopped.code == 143
        assert stopped.summary is not None
        assert stopped.summary["events_in_doubt"] > 0
        await emulator.flush()
        assert trial.wrong(stopped, complete=False) == []
        emulator.set_faults(FaultPlan())
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0
    assert any(row.verdict == "replayed" for row in trial.ledger())


@pytest.mark.tried("A second signal during the wait after the first one", keeps=STOPS)
@pytest.mark.parametrize(
    ("number", "code"), [(SIGINT, 130), pytest.param(SIGTERM, 143, marks=pytest.mark.soak)]
)
async def test_a_second_signal_leaves_at_once(trial: Trial, number: signal.Signals, code: int) -> None:
    """The process is gone without waiting for anything, and the same command resumes."""
    trial.write_extract(33, SHAPE)
    async with trial.service(faults=SILENT) as emulator:
        run = await trial.start(emulator.url, "--drain-seconds", "600")
        assert await run.until(lambda: emulator.summary()["accepted"] >= 30)
        run.signal(number)
        assert await run.until(lambda: ", draining, " in run.said)  # two signals at once may count as one
        run.signal(number)
        stopped = await run.wait(20)
        assert stopped.code == code
        emulator.set_faults(FaultPlan())
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0
