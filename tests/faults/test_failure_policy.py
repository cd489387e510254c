"""Events that the service refuses: sent again, held back, or too many, exactly as the flags say."""

import pytest

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults import judge
from tests.faults.extracts import KEY, ExtractShape
from tests.faults.harness import Trial
from tests.faults.reliability import POLICY

SHAPE = ExtractShape(rows=200, groups=20)

REFUSED = FaultRule(fault=FaultKind.ERROR, code="ValidationException")


def first_of(group: str) -> FaultPlan:
    """Return the plan that refuses the first event of a group, once."""
    return FaultPlan(rules=(REFUSED.model_copy(update={"groups": frozenset({group}), "times": 1}),))


def all_of_them() -> FaultPlan:
    """Return the plan that refuses every event."""
    return FaultPlan(rules=(REFUSED,))


@pytest.mark.tried("An event is refused: --on-failure continue, then --retry-failed", keeps=POLICY)
async def test_a_failed_event_can_be_sent_again(trial: Trial) -> None:
    """The others are delivered, exit code 1; --retry-failed sends that one again, with its token."""
    group = trial.write_extract(51, SHAPE)[0][KEY[0]]
    async with trial.service(faults=first_of(group)) as emulator:
        first = await trial.run(emulator.url)
        assert first.code == 1
        assert first.summary is not None
        assert (first.summary["events_failed"], first.summary["events_accepted"]) == (1, SHAPE.rows - 1)
        again = await trial.run(emulator.url)
        assert (again.code, again.summary and again.summary["attempts"]) == (1, 0)  # nothing by itself
        ended = await trial.run(emulator.url, "--retry-failed")
        await emulator.flush()
    # A later event of the group went before it: that is what "continue" says.
    assert trial.wrong(ended, allowed="after a later event") == []
    assert ended.code == 0
    assert ended.summary is not None
    assert ended.summary["attempts"] == 1


@pytest.mark.tried("An event is refused: --on-failure hold, then --retry-failed", keeps=POLICY)
async def test_a_failed_event_holds_its_group_back(trial: Trial) -> None:
    """Later events of the group are not sent, also not by a resume; --retry-failed delivers them in order."""
    rows = trial.write_extract(52, SHAPE)
    group = rows[0][KEY[0]]
    behind = sum(row[KEY[0]] == group for row in rows) - 1
    hold = ("--on-failure", "hold")
    async with trial.service(faults=first_of(group)) as emulator:
        first = await trial.run(emulator.url, *hold)
        assert first.code == 5
        assert first.summary is not None
        assert (first.summary["events_failed"], first.summary["events_unprocessed"]) == (1, behind)
        again = await trial.run(emulator.url, *hold)
        assert (again.code, again.summary and again.summary["attempts"]) == (5, 0)
        ended = await trial.run(emulator.url, *hold, "--retry-failed")
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("Everything is refused: --max-errors N", keeps=POLICY)
async def test_too_many_errors_stop_the_load(trial: Trial) -> None:
    """More than N failed events end the load with exit code 3; it can go on when the cause is gone."""
    trial.write_extract(53, ExtractShape(rows=200, groups=200))
    async with trial.service(faults=all_of_them(), latency_seconds=0.01) as emulator:
        # On a busy machine answers are late, and without this more would be in flight.
        stopped = await trial.run(emulator.url, "--max-errors", "7", "--max-in-flight", "30")
        assert stopped.code == 3
        assert stopped.summary is not None
        assert 7 < stopped.summary["events_failed"] < 40  # those in flight were answered
        emulator.set_faults(FaultPlan())
        ended = await trial.run(emulator.url, "--max-errors", "7", "--retry-failed")
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("Everything is refused: --max-errors N%, below and above its sample", keeps=POLICY)
@pytest.mark.parametrize(("rows", "code"), [(90, 1), (400, 3)])
async def test_a_share_of_errors_is_judged_after_a_sample(trial: Trial, rows: int, code: int) -> None:
    """A share says nothing of a few events: it is judged once 100 have come to an end."""
    trial.write_extract(54, ExtractShape(rows=rows, groups=rows))
    async with trial.service(faults=all_of_them(), latency_seconds=0.01) as emulator:
        # On a busy machine answers are late, and without this more would be in flight.
        stopped = await trial.run(emulator.url, "--max-errors", "10%", "--max-in-flight", "30")
    assert stopped.code == code
    assert stopped.summary is not None
    failed = stopped.summary["events_failed"]
    assert failed == rows if code == 1 else 100 <= failed < 300
    assert judge.not_conserved(trial.ledger(), trial.plan(), stopped.summary) == []


@pytest.mark.tried("Rows are rejected: --max-errors N", keeps=POLICY)
async def test_rejected_rows_count_as_errors(trial: Trial) -> None:
    """Rows that cannot become records stop the load as refused events do."""
    trial.write_extract(55, ExtractShape(rows=200, groups=20, rejected_share=0.2))
    trial.settings["window_rows"] = 50
    async with trial.service() as emulator:
        stopped = await trial.run(emulator.url, "--max-errors", "3")
        assert stopped.code == 3
        ended = await trial.run(emulator.url, "--max-errors", "200")
    assert trial.wrong(ended) == []
    assert ended.code == 1
