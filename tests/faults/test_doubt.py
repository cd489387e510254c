"""What a killed load leaves in doubt: what was under way, and a fixed few hundred events more."""

import pytest

from loader.checkpoint.queries import left_in_doubt, read_totals
from loader.checkpoint.reading import open_for_reading
from loader.delivery.marking import MARKED_AHEAD
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial, last_requests_taken
from tests.faults.reliability import ASKS, ONCE
from tests.faults.test_token_life import dataset

IN_FLIGHT = 128

MORE_THAN_SENT = MARKED_AHEAD
"""Most events that may be in doubt beyond those that were sent and whose receipts were not on the disk."""

LOST_RECEIPTS = 600
"""Most receipts that a kill may lose, beside those of events in flight."""


def doubt_and_receipts(trial: Trial) -> tuple[int, int]:
    """Return how many events a killed run left in doubt, and how many receipts it kept."""
    with open_for_reading(trial.run_dir, alive=False) as connection:
        return len(left_in_doubt(connection)), read_totals(connection).events_accepted


@pytest.mark.tried(
    "SIGKILL of slow and fast loads with the whole extract planned: events in doubt", keeps=ASKS
)
@pytest.mark.parametrize(
    ("rate", "groups"),
    [
        (40, 3000),
        (None, 3000),
        pytest.param(40, 8, marks=pytest.mark.soak),
        pytest.param(None, 8, marks=pytest.mark.soak),
        pytest.param(400, 200, marks=pytest.mark.soak),
    ],
)
async def test_doubt_follows_sending(trial: Trial, rate: int | None, groups: int) -> None:
    """What can have been sent is in doubt, and at most a few hundred events more, whatever the rate."""
    trial.known_rate = 5000.0
    trial.settings["max_in_flight"] = IN_FLIGHT
    if rate is not None:
        trial.settings["rate"] = rate
    trial.write_extract(51, ExtractShape(rows=3000, groups=groups, longest_text=20))
    async with trial.service(latency_seconds=0.01) as emulator:
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["accepted"] >= (60 if rate else 1200))
        await run.kill()
        await last_requests_taken(emulator)
        await emulator.flush()
        sent = len({row.client_token for row in trial.ledger()})
        doubt, receipts = doubt_and_receipts(trial)
        assert sent - receipts <= doubt <= sent - receipts + MORE_THAN_SENT
        assert sent - receipts <= IN_FLIGHT + LOST_RECEIPTS
        ended = await trial.run(emulator.url, *(("--rate", "100000") if rate else ()))
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried(
    "SIGKILL with events in doubt, and APPEND: no decision is needed within 7 hours 45", keeps=ONCE
)
async def test_recent_doubt_needs_no_decision(trial: Trial) -> None:
    """Even with --in-doubt skip all of it is sent again."""
    trial.settings |= dataset("APPEND") | {"rate": 60}
    trial.write_extract(52, ExtractShape(rows=400, groups=100))
    async with trial.service(latency_seconds=0.05) as emulator:
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 80)
        await run.kill()
        assert doubt_and_receipts(trial)[0] > 0
        ended = await trial.run(emulator.url, "--in-doubt", "skip", "--rate", "1000")
    assert trial.wrong(ended) == []
    assert ended.code == 0
