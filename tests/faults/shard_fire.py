"""The shards of one load on machines that die: processes are killed, disks are lost, and N changes.

What a checkpoint holds when its process is dead is read from the disk. An event may arrive again only if the
disk of its shard did not hold it as accepted at that moment, or if that disk was lost.
"""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from random import Random

import orjson
import psutil

from loader.checkpoint.queries import left_in_doubt, read_receipts
from loader.checkpoint.reading import open_for_reading
from loader.checkpoint.start.lock import LOCK_NAME, read_pid
from loader.emulator import Emulator
from loader.emulator.store.ledger import ACCEPTED, REPLAYED, LedgerRow
from loader.errors import CheckpointError, ExitCode
from loader.job import SHARDS_NAME, Shard
from loader.runners.processes import MODULE
from loader.shards.parts import opening, part_folders
from tests.faults import judge
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended, LoaderRun
from tests.prepared.request import WORKER_NAME

DELIVERED = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES, ExitCode.NOTHING_TO_LOAD)

DIVISIONS = (1, 2, 3, 5)

START_SECONDS = 20.0
"""What workers may take from their start to the first accepted event, on a busy machine."""

DRAIN_SECONDS = 30.0
"""What workers without a parent may take to end."""


class Fire:
    """What is done to the shards of a load, and what may arrive again because of it.

    Args:
        trial: The trial.
        emulator: The service.
        chance: Draws victims and moments.
    """

    def __init__(self, trial: Trial, emulator: Emulator, chance: Random) -> None:
        self.trial = trial
        self._emulator = emulator
        self._chance = chance
        self._may_come_again: set[str] = set()
        self._plan_of = cache(self._planned)

    async def some_acceptances(self, fewest: int, most: int, seconds: float = 2.0) -> None:
        """Wait until so many more events are accepted, or for so long."""
        enough = self._accepted() + self._chance.randint(fewest, most)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._accepted() < enough:  # noqa: ASYNC110 - the emulator sets no event
                    await asyncio.sleep(0.002)

    def is_dead(self, shard: Shard, folder: Path) -> None:
        """Note what the checkpoint of a dead process left in doubt."""
        self._may_come_again |= self._stored(shard, folder)[1]

    def disk_is_lost(self, shard: Shard, folder: Path) -> None:
        """Delete the folder of a shard that no process works on."""
        self._may_come_again |= set[str]().union(*self._stored(shard, folder))
        with opening(self.trial.run_dir):  # another shard might just read what disappears
            for each in folder.iterdir() if folder.exists() else ():
                if each.name != SHARDS_NAME:
                    shutil.rmtree(each) if each.is_dir() else each.unlink()
        self.trial.counts["disks lost"] += 1

    def folder_of(self, shard: Shard) -> Path:
        """Return the folder of a shard."""
        return self.trial.run_dir if shard.of == 1 else self.trial.run_dir / "shards" / shard.folder

    async def wrong(self, *, bounded: bool = True) -> list[str]:
        """Judge everything that happened, after the load came to its end and the emulator ended.

        Args:
            bounded: Whether every death was noted, so that what arrived again can be judged.
        """
        trial = self.trial
        ledger, plan = trial.ledger(), trial.plan()
        found = judge.doubled_or_changed(ledger, plan) + judge.out_of_order(ledger, plan)
        found += judge.missing(ledger, plan)
        if bounded:
            found += self._again(ledger)
        for shard, folder in part_folders(trial.run_dir):
            own = self._plan_of(str(shard))
            found += [f"shard {shard}: {each}" for each in judge.wrong_receipts(ledger, own, folder)]
        status = await (await trial.command("status", str(trial.run_dir), "--json")).wait()
        values = orjson.loads(status.out)
        if values["state"] != "finished":
            found.append(f"status says {values['state']}: {values['shards']}")
        found += judge.not_conserved(ledger, plan, values | {"violations": [], "stopped_by": None})
        trial.counts["accepted"] += len(judge.accepted_tokens(ledger))
        trial.counts["violations"] += len(found)
        return found

    def _again(self, ledger: list[LedgerRow]) -> Iterator[str]:
        """Yield the events that arrived again although the disk of their shard held their receipts."""
        unanswered = {row.client_token for row in ledger if row.verdict in (ACCEPTED, REPLAYED) and row.fault}
        for row in ledger:
            known = row.client_token in self._may_come_again or row.client_token in unanswered
            if row.verdict == REPLAYED and not known:
                yield f"attempt {row.seq}: its shard held the receipt, and it was sent again"
            self.trial.counts["replays"] += row.verdict == REPLAYED

    def _stored(self, shard: Shard, folder: Path) -> tuple[AbstractSet[str], AbstractSet[str]]:
        """Return the tokens that a checkpoint holds as accepted, and those that it holds in doubt."""
        tokens = {(event.window, event.index): event.token for event in self._plan_of(str(shard)).events}
        try:
            with open_for_reading(folder, alive=False) as connection:
                in_doubt = {tokens[window, index] for window, index, _ in left_in_doubt(connection)}
                windows = {window for window, _ in tokens}
                accepted = {
                    tokens[each, index] for each in windows for index in read_receipts(connection, each)
                }
        except CheckpointError:  # killed before it was there
            return set(), set()
        return accepted, in_doubt

    def _planned(self, shard: str) -> judge.Plan:
        return judge.make_plan(self.trial.settings | {"shard": shard})

    def _accepted(self) -> int:
        return int(self._emulator.summary()["accepted"])


class Machines(Fire):
    """A process for each shard, as on a machine of its own."""

    of = 0
    _runs: dict[Shard, LoaderRun]

    async def start(self, of: int) -> None:
        """Start a process for each of so many shards."""
        self.of = of
        self._runs = {}
        for number in range(1, of + 1):
            await self._start(Shard(number=number, of=of))

    async def strike(self) -> None:
        """Kill a machine, or all of them; some come back without their disk, or as another number."""
        await self.some_acceptances(0, 25)
        what = self._chance.random()
        if what < 0.2:
            await asyncio.gather(*map(self._kill, self._runs))
            for shard, folder in part_folders(self.trial.run_dir):
                if self._chance.random() < 0.3:
                    self.disk_is_lost(shard, folder)
            await self.start(self._chance.choice([of for of in DIVISIONS if of != self.of]))
            self.trial.counts["divided again"] += 1
            return
        shard = self._chance.choice(list(self._runs))
        await self._kill(shard)
        if what < 0.5:
            self.disk_is_lost(shard, self.folder_of(shard))
        await self._start(shard)

    async def to_end(self) -> list[Ended]:
        """Wait for all shards."""
        return await asyncio.gather(*(run.wait() for run in self._runs.values()))

    async def _start(self, shard: Shard) -> None:
        self._runs[shard] = await self.trial.start(self._emulator.url, "--shard", str(shard))

    async def _kill(self, shard: Shard) -> None:
        ended = await self._runs[shard].kill()
        self.trial.counts["kills"] += ended.code == -signal.SIGKILL
        assert ended.code == -signal.SIGKILL or ended.code in DELIVERED, ended.words
        self.is_dead(shard, self.folder_of(shard))


class Workers(Fire):
    """``--workers N``: a parent, and its worker processes."""

    of = 0
    _run: LoaderRun

    async def start(self, of: int) -> None:
        """Start the parent."""
        self.of = of
        self._run = await self.trial.start(self._emulator.url, "--workers", str(of))

    async def strike_a_worker(self) -> None:
        """Kill a worker while its parent stands still, so that its disk can be read before it goes on."""
        await self.some_acceptances(1, 25, START_SECONDS)
        with _standing_still(self._run):
            workers = _workers_of(self._run)
            if workers:  # the one that has run longest: one that dies three times in a row stops the load
                await self._kill(min(workers, key=psutil.Process.create_time))

    async def strike_the_parent(self, of: int) -> None:
        """Kill the parent, and perhaps a worker that drains; then run the command again."""
        await self.some_acceptances(1, 25, START_SECONDS)
        orphans = _workers_of(self._run)
        ended = await self._run.kill()
        self.trial.counts["kills"] += ended.code == -signal.SIGKILL
        if orphans and self._chance.random() < 0.5:
            await self._kill(orphans[0])
        async with asyncio.timeout(DRAIN_SECONDS):
            while any(map(_is_alive, orphans)):  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(0.01)
        for shard, folder in part_folders(self.trial.run_dir):
            self.is_dead(shard, folder)
        await self.start(of)

    async def to_end(self) -> Ended:
        """Wait for the load."""
        return await self._run.wait()

    async def _kill(self, worker: psutil.Process) -> None:
        folders = [self.folder_of(Shard(number=number, of=self.of)) for number in range(1, self.of + 1)]
        own = [folder for folder in folders if _pid_in(folder) == worker.pid]
        worker.kill()
        self.trial.counts["kills"] += 1
        while _is_alive(worker):  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.002)
        for folder in own:
            shard = Shard.of_folder(folder.name)
            assert shard is not None
            self.is_dead(shard, folder)


def _workers_of(run: LoaderRun) -> list[psutil.Process]:
    try:
        return [each for each in psutil.Process(run.pid).children() if _is_worker(each)]
    except psutil.NoSuchProcess:
        return []


def _is_worker(process: psutil.Process) -> bool:
    return process.name() == WORKER_NAME or MODULE in process.cmdline()


def _pid_in(folder: Path) -> int | None:
    try:
        return read_pid(folder / LOCK_NAME)
    except OSError:
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _standing_still(run: LoaderRun) -> Iterator[None]:
    run.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        run.signal(signal.SIGCONT)
