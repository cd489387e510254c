"""``--workers N``: the shards of a load as processes, of this machine unless an engine runs them elsewhere.

Rules kept here:

1. A worker that dies is started again. If it dies three times in a row without an accepted event, the load
   stops. The load also stops if a worker ends for a reason that applies to all workers.
2. The maximum rate is divided among the workers that have not ended. A share grows when another worker ends.
   A restarted worker has its old share, so the sum never exceeds the maximum.
3. Each worker has a separate session, so Ctrl-C reaches only the parent, which lets all workers drain.
"""

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from loader.aws.signing import Credentials
from loader.delivery.settings import share_of_ceiling
from loader.errors import DeliveryStopped, ExitCode, Interrupted, LoaderError
from loader.job import Job, Shard, address_of, run_dir_of
from loader.job.sections import Engine
from loader.loading.identity import identity_of
from loader.loading.observers import Ending, Observers
from loader.loading.settings import error_limits, run_directory_settings
from loader.process.signals import GRACE_SECONDS, hold, on_signals
from loader.report import Snapshot
from loader.runners.combined import as_in_s3, from_other_machines, summary_of, together
from loader.runners.error_sums import NO_LIMIT, ErrorSums, limits_of_worker
from loader.runners.messages import WorkerEnd, job_line, line, read_end, read_line, read_snapshot
from loader.runners.processes import StartProcess, WorkerProcess, start_here

log = logging.getLogger(__name__)

MOST_DEATHS = 3
"""Number of deaths of a worker in a row that stop the load."""

_WATCH_SECONDS = 0.25

OF_A_PROCESS = ("attempts", "throttled", "retried")
"""Counts of a snapshot that start at 0 in each process."""

GOES_ON = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES, ExitCode.NOTHING_TO_LOAD)
"""Exit codes of a worker that do not stop the others."""


@dataclass(slots=True)
class _Worker:
    """A shard and the process that delivers it.

    Attributes:
        shard: The shard.
        process: Its process, or None if none is running.
        has_opened: Whether its checkpoint was opened; `--restart` is complete then.
        deaths: Number of deaths of its process since the last accepted event.
        snapshot: The last snapshot.
        end: Its end.
    """

    shard: Shard
    process: WorkerProcess | None = None
    has_opened: bool = False
    deaths: int = 0
    snapshot: Snapshot | None = None
    end: WorkerEnd | None = None


def run_workers(
    job: Job,
    observers: Observers,
    *,
    command: str = "",
    key: Credentials | None = None,
    start: StartProcess = start_here,
) -> Ending:
    """Deliver the shards of a load in processes; return the end of the load.

    Args:
        job: The settings; ``workers`` is the number of processes.
        observers: Observers of the load.
        command: The command line that runs the load again.
        key: The key used for signing; without one, each worker looks it up.
        start: Starts a process, on this machine or elsewhere.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    with asyncio.Runner() as runner:
        load = _WorkerLoad(job, observers, command, key=key, start=start)
        loop = runner.get_loop()

        def stop(reason: Interrupted) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(load.stop, reason)

        def leave(reason: Interrupted) -> None:
            load.kill()
            if observers.leaving is not None:
                observers.leaving(reason)

        with on_signals(stop, leave, job.drain_seconds + 2 * GRACE_SECONDS):
            ending = runner.run(load.run())
            hold()  # the result of the load is final
            return ending


class _WorkerLoad:
    """One run of a load by workers."""

    def __init__(
        self, job: Job, observers: Observers, command: str, *, key: Credentials | None, start: StartProcess
    ) -> None:
        assert job.workers is not None
        self._job = job
        self._observers = observers
        self._command = command
        self._key = key
        self._start = start
        self._run_dir = run_dir_of(job).absolute()
        of = job.workers
        self._workers = [_Worker(Shard(number=number, of=of)) for number in range(1, of + 1)]
        self._began = time.monotonic()
        self._error: LoaderError | None = None
        self._is_stopping = False
        self._load_id = ""
        self._logged: set[str] = set()
        self._ended_counts: Counter[str] = Counter()
        self._errors = ErrorSums(error_limits(job), self._run_dir)

    async def run(self) -> Ending:
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*map(self._supervise, self._workers))
        finally:
            watching.cancel()
            self.kill()
        self._stop_at_limit(at_end=True)  # by errors of the last moment
        ends = [worker.end for worker in self._workers if worker.end is not None]
        errors = [each for each in (self._error, *(end.error for end in ends)) if each is not None]
        if errors and not any(map(_may_have_sent, self._workers)):
            raise errors[0]
        self._show()  # a short load may have ended since the last time
        if errors and self._error is None:  # only this worker found nothing to load
            self._error = _not_delivered(self._run_dir, errors[0])
        run_directory = run_directory_settings(self._job)
        if self._job.engine is Engine.RAY:
            self._error = self._error or await from_other_machines(run_directory)
        seconds, snapshot, about = time.monotonic() - self._began, self._snapshot(), self._job
        identity = identity_of(about.destination, is_rehearsal=about.is_rehearsal, command=self._command)
        summary = summary_of(
            self._run_dir, ends, snapshot, seconds=seconds, error=self._error, identity=identity
        )
        return await as_in_s3(run_directory, Ending(summary, self._error))

    def stop(self, reason: LoaderError) -> None:
        """Let all workers drain. The first reason is reported."""
        self._error = self._error or reason
        self._is_stopping = True
        for worker in self._workers:
            if worker.process is not None:
                worker.process.drain()

    def _stop_at_limit(self, *, at_end: bool = False) -> None:
        if (error := self._errors.beyond_limits(at_end=at_end)) is not None:
            self.stop(error)

    def kill(self) -> None:
        """End all workers at once. May be called in any thread."""
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()

    async def _supervise(self, worker: _Worker) -> None:
        while worker.end is None and not self._is_stopping:
            await self._one_process(worker)
            if worker.end is not None:
                self._ended(worker, worker.end)
            elif not self._is_stopping:
                self._died(worker)

    async def _one_process(self, worker: _Worker) -> None:
        first = job_line(
            self._job_of(worker),
            command=self._command,
            key=self._key,
            errors_of_files=self._job.max_errors_per_file != NO_LIMIT,
        )
        worker.process = process = await self._start(worker.shard, first)
        if self._is_stopping:
            process.drain()
        self._share_ceiling(worker)
        async for message in process.messages():
            self._take(worker, message)
        worker.process = None

    def _job_of(self, worker: _Worker) -> Job:
        of = worker.shard.of
        return self._job.model_copy(
            update={
                "run_dir": self._job.run_dir if address_of(self._job.run_dir) else self._run_dir,
                "shard": worker.shard,
                "workers": None,
                "engine": Engine.LOCAL,
                "ray_address": None,
                "restart": self._job.restart and not worker.has_opened,
                "max_in_flight": max(1, self._job.max_in_flight // of),
                "max_held_bytes": max(2**20, self._job.max_held_bytes // of),
                **limits_of_worker(error_limits(self._job)),
            }
        )

    def _take(self, worker: _Worker, message: bytes) -> None:
        values = read_line(message)
        if "snapshot" in values:
            accepted = worker.snapshot.events_accepted if worker.snapshot is not None else 0
            worker.snapshot = read_snapshot(values["snapshot"])
            if worker.snapshot.events_accepted > accepted:
                worker.deaths = 0
        elif "errors" in values:
            self._errors.take(worker.shard.number, **values["errors"])
        elif "opened" in values:
            load_id = values["opened"]
            # The load is known by the id of its first shard.
            if worker.shard.number == 1 and load_id != self._load_id and self._observers.opened is not None:
                self._load_id = load_id
                self._observers.opened(self._run_dir, load_id)
            worker.has_opened = True
        elif "message" in values:
            _, level, text = values["message"].split(" ", 2)  # a line of `report.logs`, with its time
            if text not in self._logged:  # most of them are about the extract, so all workers log them
                self._logged.add(text)
                # The text is the message, not its argument; otherwise all would be folded into one line.
                log.log(logging.getLevelNamesMapping()[level], text.lstrip())
        elif "end" in values:
            end = read_end(values["end"])
            # A worker that another process has stopped is started again, like a worker that was killed.
            if self._is_stopping or end.exit_code not in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
                worker.end = end

    def _ended(self, worker: _Worker, end: WorkerEnd) -> None:
        if end.exit_code not in GOES_ON and not self._is_stopping:
            self.stop(end.error or end.as_error(worker.shard))
        for each in self._workers:
            if each.end is None and each.process is not None:
                self._share_ceiling(each)

    def _died(self, worker: _Worker) -> None:
        worker.deaths += 1
        if worker.snapshot is not None:
            self._ended_counts.update({name: getattr(worker.snapshot, name) for name in OF_A_PROCESS})
            worker.snapshot = replace(worker.snapshot, attempts=0, throttled=0, retried=0)
        log.warning("The worker of shard %s died and is started again.", str(worker.shard))
        if worker.deaths >= MOST_DEATHS:
            self.stop(
                DeliveryStopped(
                    f"The worker of shard {worker.shard} died {MOST_DEATHS} times in a row: the load stops.",
                    where=str(self._run_dir),
                    why="its process ended without a message, as when memory runs out",
                    next_step="use fewer workers or more memory, then run the same command again: it resumes",
                )
            )

    def _share_ceiling(self, worker: _Worker) -> None:
        """Send a worker its share of the maximum rate: workers that have not ended have equal shares."""
        living = [each for each in self._workers if each.end is None]
        if self._job.rate is None or len(living) == len(self._workers) or worker.process is None:
            return
        place = Shard(number=living.index(worker) + 1, of=len(living))
        rate, burst = share_of_ceiling(self._job.rate, self._job.burst, place)
        worker.process.send(line({"rate": rate, "burst": burst}))

    async def _watch(self) -> None:
        while True:
            self._show()
            self._stop_at_limit()
            await asyncio.sleep(_WATCH_SECONDS)

    def _show(self) -> None:
        if self._observers.watch is not None:
            self._observers.watch(self._snapshot())

    def _snapshot(self) -> Snapshot:
        snapshots = [each.snapshot for each in self._workers if each.snapshot is not None]
        return together(snapshots, len(self._workers), time.monotonic() - self._began, self._ended_counts)


def _may_have_sent(worker: _Worker) -> bool:
    return worker.has_opened if worker.end is None else worker.end.summary is not None


def _not_delivered(run_dir: Path, error: LoaderError) -> DeliveryStopped:
    return DeliveryStopped(
        "A worker delivered nothing of its shard, although others had something to load.",
        where=error.where or str(run_dir),
        why=error.what,
        next_step="make the extract readable for all workers, then run the same command again: it resumes",
    )
