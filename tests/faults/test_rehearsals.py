"""A rehearsal is once-only like a load: the emulator forgets neither tokens nor records when it is killed."""

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psutil
import pytest

from tests.faults.extracts import KEY, ExtractShape
from tests.faults.harness import ROOT, Trial
from tests.faults.reliability import ONCE
from tests.faults.test_token_life import dataset
from tests.prepared.starts import start

SHAPE = ExtractShape(rows=400, groups=80, longest_text=20)


def lake_rows(lake: Path) -> list[str]:
    """Return the second key column of each record in the lake; all records have another."""
    if not lake.exists():
        return []
    with closing(sqlite3.connect(f"{lake.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute(f"SELECT {KEY[1]} FROM 'default.reservations'").fetchall()
        except sqlite3.OperationalError:  # nothing has arrived yet
            return []
    return sorted(key for (key,) in found)


@asynccontextmanager
async def emulator_process(trial: Trial, port: int) -> AsyncIterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run ``scn-loader emulator`` with lake and ledger of a trial, and give its process and URL."""
    files = ["--lake", str(trial.folder / "lake.sqlite"), "--ledger", str(trial.ledger_path)]
    options = ["--port", str(port), "--latency-ms", "30", "--no-verify-signatures"]
    with start(["emulator", *options, *files], stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = (await asyncio.to_thread(process.stdout.readline)).decode()
            yield process, line.rpartition(" ")[2].strip()
        finally:
            process.kill()


@pytest.mark.tried("The emulator (--lake, --ledger) is killed during a load and started again", keeps=ONCE)
@pytest.mark.parametrize("kills", [1, pytest.param(6, marks=pytest.mark.soak)])
async def test_a_killed_emulator_remembers(trial: Trial, kills: int) -> None:
    """The load goes on with the next one; lake and ledger hold each event once."""
    trial.settings |= dataset("APPEND")
    trial.write_extract(61, SHAPE)
    lake = trial.folder / "lake.sqlite"
    port, run = 0, None
    for number in range(kills):
        async with emulator_process(trial, port) as (process, url):
            port = int(url.rpartition(":")[2])
            run = run or await trial.start(url, "--max-in-flight", "16")
            enough = SHAPE.rows * (number + 1) // (kills + 2)
            assert await run.until(reaches(lake, enough))
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert run is not None
    async with emulator_process(trial, port) as (process, _):
        ended = await run.wait()
        process.terminate()
        process.wait()
    assert ended.code == 0, ended.words
    assert lake_rows(lake) == [f"{number:06d}" for number in range(SHAPE.rows)]
    assert trial.wrong(ended) == []


@pytest.mark.tried(
    "A rehearsal (--emulate) and its emulator are killed, and the rehearsal is resumed", keeps=ONCE
)
@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.soak)])
async def test_a_killed_rehearsal_is_resumed(trial: Trial, kills: int) -> None:
    """Each record is in the lake once."""
    trial.settings |= dataset("APPEND")
    trial.write_extract(62, SHAPE)
    lake = trial.run_dir / "lake.sqlite"
    for number in range(kills):
        run = await trial.start("http://127.0.0.1:1", "--emulate", "--rate", "150")
        assert await run.until(reaches(lake, SHAPE.rows * (number + 1) // (kills + 2)))
        emulators = psutil.Process(run.pid).children()
        run.signal(signal.SIGKILL)
        for each in emulators:
            os.kill(each.pid, signal.SIGKILL)
        await run.wait()
    ended = await trial.run("http://127.0.0.1:1", "--emulate")
    assert ended.code == 0, ended.words
    assert lake_rows(lake) == [f"{number:06d}" for number in range(SHAPE.rows)]


def reaches(lake: Path, rows: int) -> Callable[[], bool]:
    """Return whether the lake holds so many records, as a condition."""
    return lambda: len(lake_rows(lake)) >= rows
