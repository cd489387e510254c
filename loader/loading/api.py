"""Run a load from start to end: open its parts, run it, and return its end.

    extract -> planning (a thread) -> feeding -> lanes -> attempts -> outcome -> checkpoint, counts

`opening` opens all parts before anything is sent. An error before that rejects the load. A later error ends
the load in one place, with a checkpoint that can be resumed.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from loader.aws.credentials import CredentialSource
from loader.checkpoint import Checkpoint
from loader.delivery.rate.memory import RateMemory
from loader.errors import ExitCode, Interrupted, LoaderError, NothingNew, NothingToLoad, contained
from loader.extract import Extract
from loader.job import Job, run_dir_of
from loader.job.sections import Unfinished
from loader.loading.doubts import decide_doubts
from loader.loading.earlier import remove_earlier, remove_earlier_unless_held
from loader.loading.identity import identity_of
from loader.loading.observers import Ending, Observers
from loader.loading.opening import USUAL_PARTS, LoadParts, Opener, checkpoint_folder
from loader.loading.other_shards import other_shards_end
from loader.loading.running.session import LoadSession
from loader.loading.settings import run_directory_settings, session_settings
from loader.process.daemon_thread import in_daemon_thread
from loader.process.signals import GRACE_SECONDS, hold, on_signals
from loader.remote.during_load import HeldLoad, held_during
from loader.report import LoadSummary
from loader.report.identity import LoadIdentity
from loader.service.client import SupplyChainClient
from loader.shards.earlier import EarlierShards
from loader.shards.siblings import check_same_load

log = logging.getLogger(__name__)

_DELIVERED = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)


def run_to_end(
    job: Job,
    observers: Observers,
    *,
    command: str = "",
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
) -> Ending:
    """Run a load on a new event loop, and return its end.

    Signals stop the load only if the caller is the main thread, because Python handles signals only there.

    Args:
        job: The settings.
        observers: Receive progress and results, and may stop the load.
        command: The command line that ``status`` shows for running this load again.
        loop_factory: Makes the event loop.
        credentials: Credentials used for signing. By default they are looked up.
        parts: The functions that open its parts.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()

        def stop(reason: Interrupted) -> None:
            with suppress(RuntimeError):  # the loop has closed
                loop.call_soon_threadsafe(observers.stop, reason)

        def leave(reason: Interrupted) -> None:
            if observers.leaving is not None:
                observers.leaving(reason)

        with on_signals(stop, leave, job.drain_seconds + GRACE_SECONDS):
            ending = runner.run(open_and_run(job, observers, command, credentials, parts))
            hold()  # the result of the load is final
            return ending


async def open_and_run(
    job: Job,
    observers: Observers,
    command: str = "",
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
) -> Ending:
    """Open the parts of a load on the running event loop, run it, and return its end.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    with contained():
        async with held_during(run_directory_settings(job), observers, parts.pace) as held:
            opener = partial(Opener, job, credentials, parts)
            ending = await _LoadsOfCommand(job, command, observers, held, opener).to_end()
            return under_its_address(ending, held, await held.end())


@dataclass(frozen=True, slots=True)
class _LoadsOfCommand:
    """The loads that one command runs: one, or two if files waited for the end of an unfinished load.

    Attributes:
        job: The settings.
        command: The command line that runs the load again.
        observers: Receive progress and results, and may stop the load.
        held: The connection of the run directory with S3.
        opener: Returns the opener of a load, which leaves the closing to the given stack.
    """

    job: Job
    command: str
    observers: Observers
    held: HeldLoad
    opener: Callable[[AsyncExitStack], Opener]

    async def to_end(self) -> Ending:
        """Run a load. If it completes an unfinished load, then load the files that waited for its end."""
        ending = await self._one_load()
        if not ending.files_waiting or ending.summary.exit_code not in _DELIVERED:
            return ending
        try:
            log.warning("The unfinished load has ended; the load of the files that waited begins.")
            following = await self._one_load()
        except (NothingNew, NothingToLoad) as nothing:
            log.warning("%s", nothing.what)
            return ending
        except LoaderError as error:
            return _without_following(ending, error)
        return replace(following, summary=replace(following.summary, before=ending.summary))

    async def _one_load(self) -> Ending:
        before = self.observers.unless_stopped  # a signal ends every wait before the load runs
        async with AsyncExitStack() as stack:
            opener = self.opener(stack)
            try:
                extract = await before(opener.extract())
            except NothingNew as nothing:
                return self._nothing_new(nothing)
            if self.job.dry_run:
                from loader.loading.dry_run import dry_run  # noqa: PLC0415 - it imports the preview of a plan

                work = partial(dry_run, self.job.destination, extract)
                summary = await before(in_daemon_thread(work, "dry-run"))
                return Ending(replace(summary, identity=self._identity(extract)), None)
            client = await before(opener.client())
            shard, is_resume = self.job.shard, self.job.unfinished is Unfinished.RESUME
            if shard is not None and is_resume and opener.begins_another_load(shard, extract, client):
                await before(other_shards_end(run_dir_of(self.job).absolute(), shard, self.held))
            elsewhere = await before(self.held.parts_elsewhere())
            with opener.checkpoint(extract, client, self.command, elsewhere) as (checkpoint, earlier):
                return await self._delivered(extract, client, checkpoint, earlier)

    def _nothing_new(self, nothing: NothingNew) -> Ending:
        """Return the end of a load whose files were all delivered before."""
        log.warning("%s", nothing.what)
        folder = checkpoint_folder(self.job)
        remove_earlier_unless_held(folder, self.job.keep)
        summary = LoadSummary(run_dir=str(folder), nothing_new=True, identity=self._identity())
        return Ending(summary, None)

    async def _delivered(
        self,
        extract: Extract,
        client: SupplyChainClient,
        checkpoint: Checkpoint,
        earlier: EarlierShards | None,
    ) -> Ending:
        """Deliver the events that earlier runs left, and return the end of the load."""
        self._announce(extract, checkpoint)
        remove_earlier(checkpoint.run_dir, self.job.keep, client.service_now())
        session = session_settings(self.job)
        await decide_doubts(session.doubt, checkpoint, client)
        await self.held.begin(checkpoint, client.service_now, self.observers)
        if self.job.shard is not None:  # a shard of another machine may have begun at the same time
            elsewhere = await self.observers.unless_stopped(self.held.parts_elsewhere())
            check_same_load(run_dir_of(self.job).absolute(), self.job.shard, elsewhere)
        if extract.bucket_rate is not None and self.job.rate is None:
            memory = RateMemory(*client.caller, self.job.instance_id)
            memory.remember_planning(extract.bucket_rate, time.time())
        run = LoadSession(session, extract, client, checkpoint, self.observers, earlier=earlier)
        self.observers.begun(run.stop)
        ending = await run.to_end()
        identity = self._identity(extract, checkpoint=checkpoint, ended_at=client.service_now())
        summary = replace(ending.summary, identity=identity)
        return replace(ending, summary=summary, files_waiting=extract.files_waiting)

    def _announce(self, extract: Extract, checkpoint: Checkpoint) -> None:
        """Report that the load begins or is resumed, and how its files are read."""
        if self.observers.opened is not None:
            self.observers.opened(checkpoint.run_dir, checkpoint.load_id)
        log.info(
            "The load is resumed." if checkpoint.resumed else "The load begins.",
            extra={"rows": extract.total_rows, "files": len(extract.files)},
        )
        for words, count in Counter(extract.formats).items():
            first = extract.files[extract.formats.index(words)]
            log.info("Read as %s.", words, extra={"file": first.path, "files": count})

    def _identity(
        self,
        extract: Extract | None = None,
        *,
        checkpoint: Checkpoint | None = None,
        ended_at: float | None = None,
    ) -> LoadIdentity:
        return identity_of(
            self.job.destination,
            () if extract is None else extract.files,
            is_rehearsal=self.job.is_rehearsal,
            command=self.command,
            checkpoint=checkpoint,
            ended_at=ended_at,
        )


def _without_following(ending: Ending, error: LoaderError) -> Ending:
    """Return the end of a command that delivered an unfinished load, but not the files that waited for it.

    Something was sent, so a refusal of the second load is a stop that can be resumed.
    """
    code = ExitCode.STOPPED_RESUMABLE if error.exit_code is ExitCode.REFUSED else error.exit_code
    summary = replace(ending.summary, stopped_by=code, stopped_because=error.what)
    return replace(ending, summary=summary, error=error)


def under_its_address(ending: Ending, held: HeldLoad, problem: LoaderError | None = None) -> Ending:
    """Return the end of a load with the address of its run directory in S3 in place of the working copy.

    Args:
        ending: The end of the load.
        held: The run directory in S3, if the load has one.
        problem: The error because of which its last state is not in S3, or None.
    """
    summary = replace(ending.summary, run_dir=held.named(ending.summary.run_dir))
    if problem is not None and ending.error is None:
        summary = replace(summary, stopped_by=problem.exit_code, stopped_because=problem.what)
    elif problem is not None and problem is not ending.error:
        log.warning("%s Cause: %s", problem.what, problem.why)
    error = ending.error or problem
    if error is not None:
        held.name_in(error)
    return replace(ending, summary=summary, error=error)
