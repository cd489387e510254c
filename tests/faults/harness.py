"""One trial: an extract, a faulty service, runs of the whole command, and their results.

The command runs in a separate process with a separate environment, and sends to an emulator in this process
over real sockets. No part of the loader is replaced.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import Emulator, EmulatorSettings, running_emulator
from loader.emulator.store.ledger import LedgerRow
from tests.faults import judge
from tests.faults.extracts import EVENT_TYPE, KEY, ExtractShape, Rows, random_rows, write_extract
from tests.faults.leaks import SECRET, leaks
from tests.faults.loader_run import LOOK_SECONDS, RUN_SECONDS, Ended, LoaderRun
from tests.prepared.starts import COMMAND, start_by

ROOT = Path(__file__).parents[2]

ACCESS_KEY = "AKIAFAULTHARNESS0001"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

KNOWN_RATE = 300.0
"""Events per second that the runs of a trial find remembered: a cold start would be most of their time."""

STATE_FOLDER = Path(".local", "state", "scn-loader")
"""Below HOME, where a load remembers the rate."""


async def last_requests_taken(emulator: Emulator) -> None:
    """Wait until the emulator has taken what a run had sent when it was killed."""
    async with asyncio.timeout(RUN_SECONDS):
        while emulator.open_connections:  # noqa: ASYNC110 - a closed connection sets no event
            await asyncio.sleep(LOOK_SECONDS)


@dataclass
class Trial:
    """An extract and everything that is tried with it.

    Attributes:
        folder: Where everything of the trial lies.
        settings: The job's settings, for the command and for the judge.
        run_dir: Where the checkpoint lies.
        environment: Added to the environment of each run.
        known_rate: Events per second that its runs find remembered; None for a cold start.
        counts: What was tried, for the report: runs, kills, attempts ...
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    run_dir: Path = Path()
    environment: dict[str, str] = field(default_factory=dict)
    known_rate: float | None = KNOWN_RATE
    counts: Counter[str] = field(default_factory=Counter)
    _runs: int = 0
    _judged_attempts: int = 0
    _started: list[LoaderRun] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run_dir = self.folder / "run"
        self.settings = {
            "event_type": EVENT_TYPE,
            "instance_id": INSTANCE,
            "group_by": (KEY[0],),
            "endpoint_url": "http://127.0.0.1:1",  # the judge's: on loopback, as the emulator is
            **self.settings,
        }

    @property
    def ledger_path(self) -> Path:
        """The emulator's ledger."""
        return self.folder / "ledger.sqlite"

    @property
    def checkpoint_path(self) -> Path:
        """The loader's checkpoint."""
        return self.run_dir / "checkpoint.sqlite"

    @asynccontextmanager
    async def service(self, **settings: Any) -> AsyncIterator[Emulator]:
        """Run the emulator, with the ledger that earlier ones of this trial began."""
        defaults = {"credentials": {ACCESS_KEY: SECRET}, "ledger_path": self.ledger_path}
        async with running_emulator(EmulatorSettings(**(defaults | settings))) as emulator:
            if self.known_rate is not None:
                memory = RateMemory(emulator.url, ACCESS_KEY, INSTANCE, folder=self.folder / STATE_FOLDER)
                memory.remember(Remembered(self.known_rate), time.time())
            yield emulator

    async def start(
        self, endpoint: str, *flags: str, launcher: Sequence[str] = COMMAND, **environment: str
    ) -> LoaderRun:
        """Start ``scn-loader load`` in a process of its own.

        Args:
            endpoint: URL of the service.
            flags: Added to the command line.
            launcher: What starts the command.
            environment: Added to the environment.
        """
        flags = ("--endpoint-url", endpoint, "--run-dir", str(self.run_dir), *flags)
        return await self._spawn(launcher, ["load", *self._arguments(), *flags], environment)

    async def run(self, endpoint: str, *flags: str, **options: Any) -> Ended:
        """Run the command to its end."""
        return await (await self.start(endpoint, *flags, **options)).wait()

    async def status(self, *, launcher: Sequence[str] = COMMAND, **environment: str) -> Ended:
        """Run ``scn-loader status`` on the run directory."""
        run = await self._spawn(launcher, ["status", str(self.run_dir)], environment)
        return await run.wait()

    async def command(self, *arguments: str) -> LoaderRun:
        """Start any command of ``scn-loader``."""
        return await self._spawn(COMMAND, arguments, {})

    def write_extract(self, seed: int, shape: ExtractShape, name: str = "extract.csv") -> Rows:
        """Write a random extract, make the job load it, and return its rows."""
        rows = random_rows(Random(seed), shape)
        self.settings["extract"] = (str(write_extract(self.folder / name, rows)),)
        return rows

    def plan(self) -> judge.Plan:
        """Plan the load without the command."""
        return judge.make_plan(self.settings)

    def ledger(self) -> list[LedgerRow]:
        """Return what arrived; the emulator must have flushed or ended."""
        rows = judge.read_ledger(self.ledger_path)
        self.counts["attempts"] += len(rows) - self._judged_attempts
        self._judged_attempts = len(rows)
        return rows

    def wrong(
        self, ended: Ended | None = None, *, complete: bool = True, allowed: str | None = None
    ) -> list[str]:
        """Judge everything that happened, after the emulator ended.

        Args:
            ended: The last run, whose summary is judged.
            complete: Whether all events must have been accepted.
            allowed: Findings with these words are what was asked for.
        """
        ledger, plan = self.ledger(), self.plan()
        found = judge.doubled_or_changed(ledger, plan) + judge.out_of_order(ledger, plan)
        if complete:
            found += judge.missing(ledger, plan)
        if ended is not None:
            if ended.summary is None:
                return [*found, f"no summary (exit code {ended.code}): {ended.err[-2000:]}"]
            found += judge.not_conserved(ledger, plan, ended.summary)
        found += judge.wrong_receipts(ledger, plan, self.run_dir)
        found = [each for each in found if allowed is None or allowed not in each]
        self.counts["accepted"] += len(judge.accepted_tokens(ledger))
        self.counts["violations"] += len(found)
        return found

    async def close(self) -> None:
        """End what still runs, and look for leaks in everything the runs wrote."""
        for run in self._started:
            await run.kill()
        found = leaks(self.folder, [self.run_dir])
        self.counts["leaks"] += len(found)
        assert not found, found

    async def _spawn(
        self, launcher: Sequence[str], arguments: Sequence[str], environment: Mapping[str, str]
    ) -> LoaderRun:
        self._runs += 1
        self.counts["runs"] += 1
        stem = self.folder / f"run{self._runs}"
        if arguments[0] == "load" and "--summary-json" not in arguments:
            arguments = [*arguments, "--summary-json", str(stem.with_suffix(".json"))]
        with stem.with_suffix(".out").open("wb") as out, stem.with_suffix(".err").open("wb") as err:
            process = start_by(
                launcher, arguments, stdout=out, stderr=err, cwd=self.folder, env=self._env(environment)
            )
        self._started.append(run := LoaderRun(process, stem))
        return run

    def _arguments(self) -> list[str]:
        arguments: list[str] = []
        for name, value in self.settings.items():
            flag = "--" + name.replace("_", "-")
            if name == "extract":
                arguments += map(str, value)
            elif name == "endpoint_url" or value in (None, False, ()):
                continue
            elif value is True:
                arguments.append(flag)
            else:
                for each in value if isinstance(value, tuple) else (value,):
                    arguments += [flag, str(each)]
        return arguments

    def _env(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),  # no profile of whoever runs the tests
            "PYTHONPATH": str(ROOT),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "COLUMNS": "200",
            **self.environment,
            **more,
        }
