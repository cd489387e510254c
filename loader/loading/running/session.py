"""One run of a load: it feeds the delivery, watches it, and records the end."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from functools import partial

from loader.checkpoint import Checkpoint, RunEnd
from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping, Surroundings
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.rate.memory import RateMemory, Remembered
from loader.errors import (
    ExtractError,
    LoaderError,
    ReadingStopped,
    UnhandledCase,
    contained,
    unhandled,
)
from loader.extract import Extract
from loader.extract.planning import plan_ahead, plan_slices
from loader.loading.error_limits import ErrorCounts, beyond_limits
from loader.loading.observers import Ending, Observers, until_ended
from loader.loading.rejects import keep_rejects
from loader.loading.running.counters import LoadCounters, last_trouble
from loader.loading.running.handover import Feeder
from loader.loading.running.recorder import Recorder
from loader.loading.running.sampling import Sampler
from loader.loading.running.settings import SessionSettings
from loader.loading.running.taking_over import TakingOver, held_groups
from loader.loading.running.trouble_watch import TroubleWatch
from loader.process.daemon_thread import in_daemon_thread
from loader.report import LoadSummary, Snapshot
from loader.service.client import SupplyChainClient
from loader.shards.earlier import EarlierShards

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.25
"""Interval of progress snapshots and samples."""

_RESUME = "run the same command again: it resumes"


class LoadSession:
    """One run of a load, from its first window to its summary."""

    def __init__(
        self,
        settings: SessionSettings,
        extract: Extract,
        client: SupplyChainClient,
        checkpoint: Checkpoint,
        observers: Observers,
        *,
        earlier: EarlierShards | None = None,
    ) -> None:
        self._rate_memory = RateMemory(*client.caller, settings.destination.instance_id)
        self._settings = settings
        self._extract = extract
        self._checkpoint = checkpoint
        self._observers = observers
        self._error: LoaderError | None = None
        self._settled = checkpoint.progress.settled_windows()
        self._tally = _counters(extract, checkpoint, self._settled, retry_failed=settings.retry_failed)
        limits = partial(beyond_limits, settings.limits, settings.run_dir)
        self._recorder = Recorder(
            checkpoint, self._tally, extract, on_result=observers.on_result, stop=self.stop, limits=limits
        )
        self._sampler = Sampler(self._tally.before, checkpoint.progress.samples())
        self._governor = _governor(self._rate_memory, forget_rate=settings.forget_rate)
        self._cap = InFlightCap(maximum=settings.max_in_flight)
        held = held_groups(
            settings.delivery.on_failure, checkpoint, earlier, retry_failed=settings.retry_failed
        )
        self._dispatcher = Dispatcher(
            client,
            LearnedLimits(self._governor, self._cap),
            Bookkeeping(self._recorder.result, checkpoint, self._recorder, held),
            settings=settings.delivery,
            surroundings=Surroundings(wall=client.service_now),
        )
        self._taking_over = TakingOver(settings.doubt, earlier, checkpoint, self._tally, client.service_now)
        self._trouble_watch = TroubleWatch(checkpoint.run_dir, lambda: last_trouble(self._dispatcher.stats))

    async def to_end(self) -> Ending:
        """Deliver all remaining events, record the end of the run, and return it."""
        work = (self._feed, self._watch, self._guard)
        aside = [asyncio.create_task(self._stop_on_fault(each)) for each in work]
        try:
            await self._dispatcher.run()
        except LoaderError as error:
            self.stop(error)
        except Exception as fault:  # noqa: BLE001 - it ends the load with a separate exit code
            self.stop(unhandled(fault))
        finally:
            for task in aside:
                task.cancel()
            await until_ended(aside)
        for task in aside:
            if not task.cancelled():
                task.result()  # raises KeyboardInterrupt, if that ended it
        return await self._conclude()

    async def _stop_on_fault(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run work in parallel with the delivery. An unexpected end of the work ends the load."""
        try:
            with contained():
                await work()
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.stop(unhandled(fault))
        except LoaderError as error:
            self.stop(error)
        except Exception as fault:  # noqa: BLE001 - it ends the load with a separate exit code
            self.stop(unhandled(fault))

    def stop(self, error: LoaderError) -> None:
        """End the run gracefully. Only the first error is reported."""
        if isinstance(error, UnhandledCase):
            log.error("An internal error occurred.", exc_info=error)
        self._error = self._error or error
        self._dispatcher.stop(error.what)

    async def _feed(self) -> None:
        feeder = Feeder(
            self._checkpoint,
            self._dispatcher,
            self._recorder.slice,
            self._observers.caught_up,
            self._taking_over.of_slice,
        )
        plans = plan_slices(
            self._settings.destination,
            self._extract,
            self._extract.slices(
                lambda number: number not in self._settled,
                self._checkpoint.progress.known_rows(),
                self._tally.ends.reached,
            ),
            generation=self._checkpoint.generation,
        )
        try:
            async with aclosing(plan_ahead(plans, lambda: not self._dispatcher.stats.held_bytes)) as ahead:
                await feeder.feed(ahead)
        finally:
            # After a fault the load is stopped before the delivery sees this, because nothing is awaited in
            # between.
            self._dispatcher.close_intake()

    async def _watch(self) -> None:
        while True:
            self._look("draining" if self._error is not None else "delivering")
            self._cap.note_cpu_share(self._tally.cpu_share)
            if self._observers.ceiling is not None and self._dispatcher.ceiling is not None:
                self._dispatcher.ceiling.change(*self._observers.ceiling)
            await asyncio.sleep(WATCH_SECONDS)

    def _look(self, phase: str, *, at_end: bool = False) -> None:
        snapshot = self._tally.snapshot(self._dispatcher.stats, phase=phase)
        self._sample(snapshot, at_end=at_end)
        self._trouble_watch.look(snapshot)
        self._recorder.check_load()
        if self._observers.watch is not None:
            self._observers.watch(snapshot)
        if self._observers.errors is not None:
            self._observers.errors(self._tally.errors(), self._errors_by_path)

    def _errors_by_path(self) -> Mapping[str, ErrorCounts]:
        errors = self._tally.errors_by_file()
        return {self._extract.files[file].path: counts for file, counts in errors.items()}

    def _sample(self, snapshot: Snapshot, *, at_end: bool = False) -> None:
        self._sampler.observe(snapshot, self._dispatcher.stats.round_trips)
        unwritten = self._sampler.unwritten(at_end=at_end)
        if unwritten is not None:
            samples, replace_all = unwritten
            self._checkpoint.record_samples(samples, replace_all=replace_all)

    async def _guard(self) -> None:
        await self._checkpoint.watch()

    async def _conclude(self) -> Ending:
        try:
            with contained():
                self._look("draining", at_end=True)
        except LoaderError as error:
            self.stop(error)
        # Nothing is awaited above, so a CancelledError does not request the cancellation of the load.
        except (Exception, asyncio.CancelledError) as fault:  # noqa: BLE001 - it ends the load with a separate exit code
            self.stop(unhandled(fault))
        try:
            await self._checkpoint.flush()
        except LoaderError as error:
            self._error = self._error or error
        if isinstance(self._error, ExtractError) and self._has_sent():
            self._error = _reading_stopped(self._error)
        learned = Remembered(self._governor.learned_rate, self._governor.reached_rate)
        self._rate_memory.remember(learned, time.time())
        self._trouble_watch.write()
        summary = self._summary()
        end = self._run_end(summary)
        try:
            self._checkpoint.finish(end)
        except LoaderError as error:
            self._error = self._error or error
            summary = self._summary()
        ended_by = self._error  # a later stop has no effect on the load
        # The shard that ends last writes the rejected rows of all shards, even if it has none.
        if (summary.rows_rejected or self._extract.shard is not None) and summary.has_read_all:
            await self._keep_rejects()
        log.info(
            "The load ended.",
            extra={"cause": end.cause, "exit_code": int(end.exit_code), "events": summary.events_accepted},
        )
        return Ending(summary, ended_by)

    def _run_end(self, summary: LoadSummary) -> RunEnd:
        left = summary.events_in_doubt + summary.events_unprocessed
        return RunEnd(
            cause=self._error.what if self._error is not None else "completed",
            exit_code=summary.exit_code,
            complete=self._error is None and left == 0 and not summary.violations(),
            # If the delivery ended early, the events in flight have no outcome. Their marks stay, so they are
            # in doubt.
            graceful=self._dispatcher.has_concluded,
            attempts=summary.attempts,
            throttled=summary.throttled,
            retried=summary.retried,
            seconds=summary.seconds,
        )

    async def _keep_rejects(self) -> None:
        """Write copies of the rejected rows for correction."""
        keep = partial(keep_rejects, self._settings.run_dir, self._extract.table)
        try:
            await self._observers.unless_stopped(in_daemon_thread(keep, "rejects"))
        except LoaderError:
            log.warning("The rejected rows were not written for correction; status has the command.")

    def _has_sent(self) -> bool:
        return bool(self._dispatcher.stats.attempts or self._checkpoint.totals().events_accepted)

    def _summary(self) -> LoadSummary:
        return self._tally.summary(
            self._checkpoint.totals(),
            self._dispatcher.stats,
            run_dir=self._checkpoint.run_dir,
            resumed=self._checkpoint.resumed,
            learned_rate=self._governor.learned_rate,
            error=self._error,
        )


def _counters(
    extract: Extract, checkpoint: Checkpoint, settled: Mapping[int, Mapping[int, int]], *, retry_failed: bool
) -> LoadCounters:
    """Return the counters of the run, which begin with the results of earlier runs."""
    return LoadCounters(
        extract,
        checkpoint.totals(),
        checkpoint.progress.file_totals(settled),
        sum(sum(files.values()) for files in settled.values()),
        retry_failed=retry_failed,
    )


def _governor(memory: RateMemory, *, forget_rate: bool) -> Governor:
    """Return the rate controller, which begins with the rate of earlier loads if it may be used."""
    known = Remembered() if forget_rate else memory.recall(time.time())
    return Governor(now=time.monotonic(), learned_rate=known.limit, reached_rate=known.reached)


def _reading_stopped(error: ExtractError) -> ReadingStopped:
    """Return the error for a file that became unreadable after a part of the extract was sent."""
    return ReadingStopped(
        error.what,
        where=error.where,
        why=error.why,
        next_step="the checkpoint has everything that was sent. Restore the file as it was when the load "
        f"began, and {_RESUME}; or start over with --restart and another file",
    )
