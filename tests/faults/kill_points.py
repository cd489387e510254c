"""Moments at which a run is killed. No handler, no flush, no goodbye: what is not on the disk is lost."""

import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from loader.checkpoint.start.lock import LOCK_NAME, read_pid
from loader.emulator import Emulator
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended, LoaderRun
from tests.faults.machines import LAUNCHER

Strike = Callable[[Trial, Emulator, Random], Awaitable[LoaderRun]]
"""Starts a run and kills it at a certain moment, or lets it end if that never comes."""


@dataclass(frozen=True, slots=True)
class KillPoint:
    """A kind of moment.

    Attributes:
        name: What the report calls it.
        strike: Runs the command and kills it.
    """

    name: str
    strike: Strike


async def _at_any_time(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    run = await trial.start(emulator.url)
    await _wait(run, chance.uniform(0.0, 2.5))
    return run


async def _after_acceptance(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    """Kill while events are accepted whose answers are still under way."""
    enough = emulator.summary()["accepted"] + chance.randint(1, 40)
    run = await trial.start(emulator.url)
    await run.until(lambda: emulator.summary()["accepted"] >= enough)
    return run


async def _after_a_refusal(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    """Kill while events wait to be sent again."""
    enough = _not_accepted(emulator) + chance.randint(1, 5)
    run = await trial.start(emulator.url)
    await run.until(lambda: _not_accepted(emulator) >= enough)
    return run


async def _around_a_commit(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    """Kill when the write-ahead log of the checkpoint has just changed for the n-th time."""
    log = trial.checkpoint_path.with_name(trial.checkpoint_path.name + "-wal")
    changes_left = chance.randint(1, 12)
    last = _state(log)

    def changed() -> bool:
        nonlocal changes_left, last
        now = _state(log)
        changes_left -= now != last
        last = now
        return changes_left <= 0

    run = await trial.start(emulator.url)
    await run.until(changed)
    return run


async def _at_a_byte(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    """Let the write that would take a file beyond a number of bytes be the last thing the process does."""
    limit = int(10 ** chance.uniform(3.5, 5.7))
    return await trial.start(
        emulator.url,
        launcher=LAUNCHER,
        FAULTS_FILE_LIMIT_BYTES=str(limit),
        FAULTS_KILLED_AT_LIMIT="1",
        PYTHONDONTWRITEBYTECODE="1",  # a compiled module is not what it should die of
    )


async def _while_it_opens(trial: Trial, emulator: Emulator, chance: Random) -> LoaderRun:
    """Kill while the checkpoint is made, or taken up again after the last kill."""
    run = await trial.start(emulator.url)
    await run.until(lambda: read_pid(trial.run_dir / LOCK_NAME) == run.pid)
    await _wait(run, chance.uniform(0.0, 0.08))
    return run


KILL_POINTS = (
    KillPoint("at any time", _at_any_time),
    KillPoint("between acceptance and its receipt", _after_acceptance),
    KillPoint("while events wait to be sent again", _after_a_refusal),
    KillPoint("around a checkpoint commit", _around_a_commit),
    KillPoint("in the middle of a write", _at_a_byte),
    KillPoint("while the checkpoint is opened", _while_it_opens),
)


async def kill_once(trial: Trial, emulator: Emulator, chance: Random, point: KillPoint) -> Ended:
    """Run the command and kill it, and count the kill if it was alive."""
    run = await point.strike(trial, emulator, chance)
    ended = await (run.wait() if point.strike is _at_a_byte else run.kill())
    if ended.code in (-signal.SIGKILL, -signal.SIGXFSZ):
        trial.counts["kills"] += 1
        trial.counts[f"killed {point.name}"] += 1
    return ended


def _not_accepted(emulator: Emulator) -> int:
    summary = emulator.summary()
    return int(summary["attempts"] - summary["accepted"])


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


async def _wait(run: LoaderRun, seconds: float) -> None:
    """Wait, but not beyond the end of the run."""
    end = time.monotonic() + seconds
    await run.until(lambda: time.monotonic() >= end)
