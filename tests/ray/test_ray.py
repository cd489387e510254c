"""``--engine ray``: whole loads on a cluster of several raylets, with machines and drivers that die."""

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from loader.checkpoint.start.lock import look_without_locking
from loader.emulator import Emulator
from loader.errors import ExitCode
from loader.shards.parts import part_folders
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended, LoaderRun
from tests.faults.machines import NAMESPACE, can_mount
from tests.faults.reliability import ONCE, REFUSED, STOPS
from tests.faults.shard_fire import DELIVERED, Fire
from tests.ray.conftest import MACHINES, add_machine

ROWS = 900

LATENCY_SECONDS = 0.05

RUN_SECONDS = 100.0

pytestmark = pytest.mark.timeout(240)


def prepare(trial: Trial, seed: int = 1) -> None:
    shape = ExtractShape(rows=ROWS, groups=150, rejected_share=0.02)
    trial.write_extract(seed, shape)
    trial.settings |= {"window_rows": 200, "max_in_flight": 12}


async def start(trial: Trial, emulator: Emulator, cluster: Any, *flags: str) -> LoaderRun:
    ray = ("--workers", str(MACHINES), "--engine", "ray", "--ray-address", cluster.address)
    return await trial.start(emulator.url, *ray, *flags)


async def accepted(emulator: Emulator, run: LoaderRun, events: int) -> None:
    assert await run.until(lambda: emulator.summary()["accepted"] >= events, RUN_SECONDS)


async def no_shard_is_held(trial: Trial, seconds: float = 60.0) -> None:
    """Wait until no process works in the run directory."""
    async with asyncio.timeout(seconds):
        while any(map(is_held, (folder for _, folder in part_folders(trial.run_dir)))):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def is_held(folder: Path) -> bool:
    with look_without_locking(folder) as pid:
        return pid is not None


async def judge(trial: Trial, emulator_fire: Fire, ended: Ended) -> None:
    assert ended.code in DELIVERED, ended.words
    assert ended.summary is not None
    assert ended.summary["violations"] == []
    assert ended.summary["rows_read"] == ROWS
    assert await emulator_fire.wrong(bounded=False) == []


@pytest.mark.tried("A load as tasks of a Ray cluster of several raylets", keeps=ONCE)
async def test_a_cluster_delivers_a_load(trial: Trial, cluster: Any) -> None:
    """One summary, one progress and the log of all shards come to the driver."""
    prepare(trial)
    async with trial.service(latency_seconds=0.01) as emulator:
        run = await start(trial, emulator, cluster, "--progress", "plain")
        ended = await run.wait(RUN_SECONDS)
        fire = Fire(trial, emulator, Random(1))
    await judge(trial, fire, ended)
    assert "rejected" in ended.err
    assert ended.summary is not None
    assert ended.summary["attempts"] == ended.summary["events_accepted"]
    shards = {shard for shard, _ in part_folders(trial.run_dir)}
    assert len(shards) == MACHINES
    again = await trial.run("http://127.0.0.1:9", "--workers", str(MACHINES))  # nothing is left to send
    assert again.code in DELIVERED, again.words


@pytest.mark.tried("A raylet killed while its shard is sent", keeps=ONCE)
async def test_a_machine_dies(trial: Trial, cluster: Any) -> None:
    """The shard of a machine that is lost is delivered by another one."""
    prepare(trial, 2)
    async with trial.service(latency_seconds=LATENCY_SECONDS) as emulator:
        run = await start(trial, emulator, cluster)
        await accepted(emulator, run, 100)
        victim = next(iter(cluster.worker_nodes))
        await asyncio.to_thread(cluster.remove_node, victim, allow_graceful=False)
        trial.counts["kills"] += 1
        ended = await run.wait(RUN_SECONDS)
        fire = Fire(trial, emulator, Random(2))
    add_machine(cluster, trial.folder / "another")
    await judge(trial, fire, ended)
    assert "died and is started again" in ended.err


@pytest.mark.tried("The driver of a Ray load killed; the same command resumes", keeps=ONCE)
async def test_the_driver_dies(trial: Trial, cluster: Any) -> None:
    """Its shards stop, and the same command goes on at once: it waits for those that still drain."""
    prepare(trial, 3)
    async with trial.service(latency_seconds=LATENCY_SECONDS) as emulator:
        run = await start(trial, emulator, cluster)
        await accepted(emulator, run, 100)
        await run.kill()
        trial.counts["kills"] += 1
        ended = await (await start(trial, emulator, cluster)).wait(RUN_SECONDS)
        fire = Fire(trial, emulator, Random(3))
    await judge(trial, fire, ended)
    assert ended.summary is not None
    assert ended.summary["resumed"]


@pytest.mark.tried("SIGTERM to the driver of a Ray load", keeps=STOPS)
async def test_a_signal_drains_the_tasks(trial: Trial, cluster: Any) -> None:
    """SIGTERM to the driver drains all shards, and ends with 143."""
    import signal

    prepare(trial, 4)
    async with trial.service(latency_seconds=LATENCY_SECONDS) as emulator:
        run = await start(trial, emulator, cluster)
        await accepted(emulator, run, 50)
        run.signal(signal.SIGTERM)
        ended = await run.wait(RUN_SECONDS)
        assert ended.code == ExitCode.TERMINATED, ended.words
        assert ended.summary is not None
        assert ended.summary["events_in_doubt"] == 0
        await no_shard_is_held(trial, 5.0)
        # The rest on a cluster that is made for the load.
        local = ("--workers", "2", "--engine", "ray")
        ended = await (await trial.start(emulator.url, *local)).wait(RUN_SECONDS)
        fire = Fire(trial, emulator, Random(4))
    await judge(trial, fire, ended)


@pytest.mark.tried("No Ray cluster at the address", keeps=REFUSED)
async def test_no_cluster_is_said(trial: Trial) -> None:
    """An address where nothing listens is refused within seconds."""
    prepare(trial)
    async with trial.service() as emulator:
        flags = ("--workers", "2", "--engine", "ray", "--ray-address", "127.0.0.1:1")
        ended = await trial.run(emulator.url, *flags)
    assert ended.code == ExitCode.REFUSED
    assert "No Ray cluster can run the load" in ended.err


@pytest.mark.tried(
    "A machine of the Ray cluster that has not the extract, or another run directory", keeps=REFUSED
)
@pytest.mark.parametrize("hidden", ["extract", "run directory"])
async def test_a_machine_without_the_files(trial: Trial, cluster: Any, hidden: str) -> None:
    """A machine that sees other folders is found before anything is sent."""
    if not can_mount():
        pytest.skip("no namespaces with mounts of their own")
    prepare(trial)
    inbox = trial.folder / "inbox"
    inbox.mkdir()
    (extract,) = trial.settings["extract"]
    trial.settings["extract"] = (shutil.move(extract, inbox),)
    trial.run_dir.mkdir(mode=0o700)
    over = inbox if hidden == "extract" else trial.run_dir
    script = 'mount -t tmpfs tmpfs "$1" && exec "${@:2}"'
    raylet = ("ray", "start", "--block", "--num-cpus=1", "--object-store-memory=80000000")
    other = await asyncio.create_subprocess_exec(
        *(*NAMESPACE, "bash", "-c", script, "bash", str(over)),
        *(*raylet, "--address", cluster.address),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await _joined(cluster, MACHINES + 2)
        async with trial.service() as emulator:
            run = await start(trial, emulator, cluster)
            ended = await run.wait(RUN_SECONDS)
            assert emulator.summary()["attempts"] == 0
    finally:
        other.terminate()
        await other.wait()
        await _joined(cluster, MACHINES + 1)
    assert ended.code == ExitCode.REFUSED, ended.words
    assert "nothing was sent" in ended.err
    assert str(trial.settings["extract"][0] if hidden == "extract" else trial.run_dir) in ended.err


async def _joined(cluster: Any, machines: int) -> None:
    """Wait until the cluster has so many machines."""
    async with asyncio.timeout(60):
        while sum(each["Alive"] for each in cluster.global_state.node_table()) != machines:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
