"""Memory stays flat whatever the service does, and the load is there when times get better."""

import asyncio
import signal

import pytest

from loader.emulator import FaultPlan
from tests.faults.extracts import ExtractShape
from tests.faults.fault_mix import THROTTLED
from tests.faults.harness import Trial
from tests.faults.loader_run import resident_megabytes
from tests.faults.malice import MaliciousEndpoint
from tests.faults.reliability import BOUNDED

ALLOWED_MEGABYTES = 20.0
"""Growth that is not a leak: allocators keep what they once had. The extract alone is larger."""

LARGE = ExtractShape(rows=3000, groups=3000, longest_text=36_000)
"""About 60 MB as text, of which ``SMALL`` lets 2 MiB in."""

SMALL = {"max_held_bytes": 2 * 1_048_576, "window_rows": 200}


async def throttled(trial: Trial, seconds: float, recovery_seconds: float) -> None:
    """Throttle everything for a while, look at the memory, and let the load recover."""
    trial.write_extract(61, LARGE, "extract.parquet")
    trial.settings |= SMALL
    async with trial.service(faults=FaultPlan(rules=(THROTTLED,))) as emulator:
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["attempts"] >= 3)
        await asyncio.sleep(1.0)
        before = resident_megabytes(run)
        await asyncio.sleep(seconds)
        assert resident_megabytes(run) < before + ALLOWED_MEGABYTES
        emulator.set_faults(FaultPlan())
        assert await run.until(lambda: emulator.summary()["accepted"] >= 20, recovery_seconds)
        assert resident_megabytes(run) < before + ALLOWED_MEGABYTES
        run.signal(signal.SIGTERM)
        stopped = await run.wait()
    assert stopped.code == 143
    assert trial.wrong(stopped, complete=False) == []


@pytest.mark.tried(
    "All calls throttled for a time, with an extract far larger than the budget", keeps=BOUNDED
)
async def test_memory_is_flat_while_everything_is_throttled(trial: Trial) -> None:
    """Nothing piles up while nothing gets through, and the load recovers soon after."""
    await throttled(trial, 3.0, recovery_seconds=30.0)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.tried(
    "All calls throttled for a time, with an extract far larger than the budget", keeps=BOUNDED
)
async def test_memory_is_flat_through_minutes_of_throttling(trial: Trial) -> None:
    """The same for three minutes."""
    await throttled(trial, 180.0, recovery_seconds=30.0)


@pytest.mark.tried(
    "An endpoint that sends endless headers or bodies, single bytes, huge numbers, deep JSON, or nothing",
    keeps=BOUNDED,
)
async def test_a_malicious_endpoint_cannot_hang_or_bloat_the_load(trial: Trial) -> None:
    """Memory stays flat, a signal ends the load within its budget, and with the real service it resumes."""
    trial.write_extract(62, ExtractShape(rows=200, groups=200))
    async with MaliciousEndpoint() as endpoint:
        run = await trial.start(endpoint.url, "--drain-seconds", "1")
        assert await run.until(lambda: endpoint.requests >= 12)
        before = resident_megabytes(run)
        await asyncio.sleep(3.0)
        assert resident_megabytes(run) < before + ALLOWED_MEGABYTES
        run.signal(signal.SIGTERM)
        stopped = await run.wait(20)
        assert endpoint.tried == set(endpoint.kinds)
    assert stopped.code == 143
    assert stopped.summary is not None
    assert stopped.summary["events_accepted"] == 0
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0
