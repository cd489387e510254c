"""A month of nights over an inbox, with real commands and a clock that is moved on both sides.

Each night ends in its own way. Whatever happened, the lake ends as the union of the files, each end has its
documented exit code and word, and the run directory does not grow.
"""

import signal
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loader.emulator import Emulator
from tests.faults.extracts import KEY
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended, LoaderRun
from tests.faults.machines import LAUNCHER
from tests.faults.reliability import ONCE
from tests.faults.test_token_life import World

NIGHT_HOURS = 24.0
ROWS = 60
KEPT = 3
MOST_BYTES = 800_000
"""Of a run directory at the end of a night, with its load and those that are kept. In 30 nights the largest
was 533 kB; the nights that are killed have four times the rows of the others."""

MONTH = 30
FEW = 3
"""In each run of the tests: a week of nights without processes is in tests/load/test_nights.py."""

SLOW = pytest.mark.timeout(600)

HEADER = f"{KEY[0]},{KEY[1]},quantity\n"


class Month:
    """An inbox, and a load of it each night."""

    def __init__(self, trial: Trial, emulator: Emulator) -> None:
        self.trial = trial
        self.emulator = emulator
        self.world = World(trial, emulator)
        self.inbox = trial.folder / "inbox"
        self.inbox.mkdir()
        trial.settings |= {
            "extract": (str(self.inbox / "*.csv"),),
            "unfinished": "resume",
            "keep": KEPT,
            "group_by": (),
            "max_in_flight": 4,
            "log_format": "json",
        }
        self.keys: set[str] = set()
        self.night = 0

    def put(self, rows: int = ROWS, rejected: int = 0) -> Path:
        """Write the file of a night."""
        keys = [f"N{self.night:02d}-{row:03d}" for row in range(rows)]
        self.keys |= set(keys)
        path = self.inbox / f"orders_{self.night:02d}.csv"
        lines = [f"{key},1,5\n" for key in keys] + [",1,5\n"] * rejected
        path.write_text(HEADER + "".join(lines))
        return path

    async def start(self, **environment: str) -> LoaderRun:
        """Start the command of a night."""
        clock = self.world.clock.environment
        return await self.trial.start(self.emulator.url, launcher=LAUNCHER, **clock, **environment)

    async def load(self, **environment: str) -> Ended:
        """Run the command of a night to its end."""
        return await (await self.start(**environment)).wait()

    async def new_file(self) -> None:
        """A file came: all of it is delivered."""
        self.put()
        ended(await self.load(), 0, "delivered")

    async def some_rejected(self) -> None:
        """Two rows do not fit."""
        self.put(rejected=2)
        ended(await self.load(), 1, "delivered_with_failures")

    async def killed(self) -> None:
        """SIGKILL in the middle; the next night resumes."""
        self.put(rows=4 * ROWS)
        before = self.emulator.summary()["accepted"]
        run = await self.start(SCN_LOADER_RATE="100")
        assert await run.until(lambda: self.emulator.summary()["accepted"] >= before + ROWS)
        assert (await run.kill()).code == -9

    async def repeated(self) -> None:
        """No file came."""
        ended(await self.load(), 0, "nothing_new")

    async def renamed(self) -> None:
        """An old file has another name."""
        old = min(self.inbox.iterdir())
        old.rename(self.inbox / f"renamed_{self.night:02d}.csv")
        ended(await self.load(), 0, "nothing_new")

    async def empty_day(self) -> None:
        """A file with a header only."""
        path = self.put(rows=0)
        ended(await self.load(), 9, "empty")
        path.unlink()

    async def expired_key(self) -> None:
        """The service does not know the key; with the right one the same command goes on."""
        self.put()
        ended(await self.load(AWS_ACCESS_KEY_ID="AKIAEXPIRED00000001"), 4, "stopped_by_service")
        ended(await self.load(), 0, "delivered")

    async def overlapping(self) -> None:
        """The scheduler starts a second command while the first one is at work."""
        self.put(rows=4 * ROWS)
        before = self.emulator.summary()["accepted"]
        first = await self.start(SCN_LOADER_RATE="60")
        assert await first.until(lambda: self.emulator.summary()["accepted"] > before)
        first.signal(signal.SIGSTOP)  # however slow the second one is, the first one is still at work
        ended(await self.load(), 2, "in_use")
        first.signal(signal.SIGCONT)
        ended(await first.wait(), 0, "delivered")

    async def full_disk(self) -> None:
        """No file may grow beyond 120 kB; with room the same command goes on."""
        self.put(rows=4 * ROWS)
        limit = {"FAULTS_FILE_LIMIT_BYTES": "120000", "PYTHONDONTWRITEBYTECODE": "1"}
        ended(await self.load(**limit), 5, "stopped")
        ended(await self.load(), 0, "delivered")

    async def pass_night(self) -> None:
        """Let the day pass, and check that the run directory has not grown."""
        sizes = [path.stat().st_size for path in self.trial.run_dir.rglob("*") if path.is_file()]
        assert sum(sizes) < MOST_BYTES
        for kind in ("checkpoint", "rejected", "load"):
            assert len(list(self.trial.run_dir.glob(f"{kind}-*"))) <= KEPT, kind
        self.night += 1
        self.world.pass_hours(NIGHT_HOURS)


def ended(run: Ended, code: int, end: str) -> None:
    """Check exit code and word, and that every line on stderr is JSON."""
    assert run.summary is not None, run.words
    assert (run.code, run.summary["end"]) == (code, end), run.words
    assert run.summary["exit_code"] == code
    assert all(line.startswith('{"') for line in run.err.splitlines()), run.err


Night = Callable[[Month], Coroutine[Any, Any, None]]

NIGHTS: tuple[Night, ...] = (
    Month.new_file,
    Month.killed,
    Month.new_file,
    Month.repeated,
    Month.full_disk,
    Month.some_rejected,
    Month.empty_day,
    Month.expired_key,
    Month.renamed,
    Month.overlapping,
    Month.killed,
    Month.repeated,
)


@pytest.mark.tried("A month of nightly loads of an inbox, with a different result each night", keeps=ONCE)
@pytest.mark.parametrize("nights", [FEW, pytest.param(MONTH, marks=[pytest.mark.soak, SLOW])])
async def test_the_lake_is_the_union_of_the_files(trial: Trial, nights: int) -> None:
    """Nothing is lost in any night; kept files are limited; status shows what was removed."""
    lake = trial.folder / "lake.sqlite"
    async with trial.service(latency_seconds=0.01, lake_path=lake) as emulator:
        month = Month(trial, emulator)
        for night in range(nights):
            kind = NIGHTS[night % len(NIGHTS)]
            if night and NIGHTS[(night - 1) % len(NIGHTS)] is Month.killed and kind is Month.repeated:
                ended(await month.load(), 0, "delivered")  # what the kill left
            else:
                await kind(month)
            await month.pass_night()
        await month.new_file()  # and what the last night left
        await emulator.flush()
        status = await month.world.status()
    with closing(sqlite3.connect(lake)) as connection:
        found = [key for (key,) in connection.execute("SELECT reservation_id FROM reservation")]
    assert set(found) == month.keys
    assert len(found) == len(month.keys)
    assert f"--keep {KEPT}; " in status.out
