"""``--engine ray`` with a run directory in S3: machines that share no folder, and one that is lost."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from loader.errors import ExitCode
from loader.job.run_address import working_copy_of
from tests.faults.harness import STATE_FOLDER, Trial
from tests.faults.reliability import ONCE, REFUSED
from tests.faults.shard_fire import Fire
from tests.ray.conftest import add_machine
from tests.ray.test_ray import LATENCY_SECONDS, RUN_SECONDS, accepted, judge, prepare, start
from tests.remote.faulty_s3 import BUCKET, FaultyS3

ADDRESS = f"s3://{BUCKET}/nightly/orders"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def s3() -> Iterator[FaultyS3]:
    with FaultyS3().running() as server:
        server.clear()  # moto keeps the objects of earlier tests
        yield server


def use(trial: Trial, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver know S3 by its environment, and judge what it brings to its own machine."""
    trial.environment |= s3.environment
    monkeypatch.setenv("XDG_STATE_HOME", str(trial.folder / STATE_FOLDER.parent))
    trial.run_dir = working_copy_of(ADDRESS)


@pytest.mark.tried(
    "A Ray cluster whose machines share only S3; one of them is lost with its disk", keeps=ONCE
)
async def test_a_lost_machine(
    trial: Trial, cluster: Any, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another machine goes on from the last copy; the summary has the counts of all shards."""
    prepare(trial, 5)
    use(trial, s3, monkeypatch)
    lost = tmp_path / "lost"
    victim = add_machine(cluster, lost)
    async with trial.service(latency_seconds=LATENCY_SECONDS) as emulator:
        flags = ("--workers", "4", "--run-dir", ADDRESS)
        run = await start(trial, emulator, cluster, *flags)
        await accepted(emulator, run, 150)
        await asyncio.to_thread(cluster.remove_node, victim, allow_graceful=False)
        shutil.rmtree(lost, ignore_errors=True)
        s3.seconds_ahead = 1000  # its lease is stale at once
        trial.counts["kills"] += 1
        ended = await run.wait(RUN_SECONDS)
        fire = Fire(trial, emulator, Random(5))
    await judge(trial, fire, ended)
    assert "died and is started again" in ended.err
    assert ended.summary is not None
    assert ended.summary["run_dir"] == ADDRESS


@pytest.mark.tried("A machine of the Ray cluster without credentials for S3", keeps=REFUSED)
async def test_a_machine_without_credentials(
    trial: Trial, cluster: Any, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is found before anything is sent, and no mark stays in S3."""
    prepare(trial, 6)
    use(trial, s3, monkeypatch)
    other = add_machine(cluster, tmp_path, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    try:
        async with trial.service() as emulator:
            run = await start(trial, emulator, cluster, "--run-dir", ADDRESS)
            ended = await run.wait(RUN_SECONDS)
            assert emulator.summary()["attempts"] == 0
    finally:
        await asyncio.to_thread(cluster.remove_node, other)
    assert ended.code == ExitCode.REFUSED, ended.words
    assert "A machine of the Ray cluster does not have what the load needs" in ended.err
    assert ADDRESS in ended.err
    assert s3.all_keys() == []
