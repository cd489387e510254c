"""Run a load from start to end: open its parts, run it, and return its end.

    extract -> planning (a thread) -> feeding -> lanes -> attempts -> outcome -> checkpoint, counts

All parts are opened before anything is sent, in this order: live schema (if requested), extract, client with
credentials, checkpoint. An error before that rejects the load. A later error ends the load in one place, with
a checkpoint that can be resumed.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from loader.aws.credentials import CredentialSource
from loader.checkpoint import Checkpoint, Plan, open_checkpoint
from loader.delivery.rate.memory import RateMemory
from loader.errors import ExitCode, Interrupted, LoaderError, NothingNew, NothingToLoad, contained
from loader.extract import Extract, open_extract, place_of_dataset
from loader.job import Job, checkpoint_dir_of, run_dir_of
from loader.job.sections import Unfinished
from loader.loading.disk_space import check_free_space
from loader.loading.doubts import decide_doubts
from loader.loading.dry_run import dry_run
from loader.loading.earlier import remove_earlier, remove_earlier_unless_held
from loader.loading.identity import identity_of
from loader.loading.observers import Ending, Observers
from loader.loading.other_shards import other_shards_end
from loader.loading.rejects import set_aside_old_rejects
from loader.loading.running.session import LoadSession
from loader.loading.settings import run_directory_settings, session_settings
from loader.process.daemon_thread import in_daemon_thread
from loader.process.signals import GRACE_SECONDS, hold, on_signals
from loader.remote.during_load import HeldLoad, held_during
from loader.remote.keeper import USUAL_PACE, KeepingPace
from loader.report import LoadSummary
from loader.service.client import SupplyChainClient, open_client
from loader.service.live_schema import read_dataset
from loader.shards.earlier import EarlierShards
from loader.shards.parts import opening, shard_folders
from loader.shards.siblings import look_at_siblings
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings, target_dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadParts:
    """The functions that open the parts of a load. Tests of faults replace them.

    Attributes:
        open_extract: Opens the files of an extract.
        open_client: Opens the client that makes the attempts.
        open_checkpoint: Opens the checkpoint in the run directory.
        pace: Intervals at which a run directory in S3 is copied, and its lease renewed.
    """

    open_extract: Callable[..., Extract] = open_extract
    open_client: Callable[..., Awaitable[SupplyChainClient]] = open_client
    open_checkpoint: Callable[..., Checkpoint] = open_checkpoint
    pace: KeepingPace = USUAL_PACE


USUAL_PARTS = LoadParts()

CONNECTION_SETTINGS = {"profile", "extract_profile", "transport", "max_in_flight", "keep"}
"""Settings that the checkpoint stores, with endpoint and Region, for commands that only know the run
directory."""


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
            ending = await _loads(job, observers, command, credentials, parts, held)
            return under_its_address(ending, held, await held.end())


async def _loads(  # noqa: PLR0917 - one place
    job: Job,
    observers: Observers,
    command: str,
    credentials: CredentialSource | None,
    parts: LoadParts,
    held: HeldLoad,
) -> Ending:
    """Run a load. If it completes an unfinished load, then load the files that waited for its end."""
    ending = await _opened_and_run(job, observers, command, credentials, parts, held)
    if not ending.files_waiting or ending.summary.exit_code not in _DELIVERED:
        return ending
    if job.shard is not None:
        await observers.unless_stopped(other_shards_end(run_dir_of(job).absolute(), job.shard))
    log.warning("The unfinished load has ended; the load of the files that waited begins.")
    try:
        following = await _opened_and_run(job, observers, command, credentials, parts, held)
    except (NothingNew, NothingToLoad) as nothing:
        log.warning("%s", nothing.what)
        return ending
    return replace(following, summary=replace(following.summary, before=ending.summary))


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


_DELIVERED = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)


async def _opened_and_run(  # noqa: PLR0917 - one place
    job: Job,
    observers: Observers,
    command: str,
    credentials: CredentialSource | None,
    parts: LoadParts,
    held: HeldLoad,
) -> Ending:
    async def open_client() -> SupplyChainClient:
        return await stack.enter_async_context(
            await parts.open_client(client_settings(job), credentials=credentials)
        )

    identity = partial(identity_of, job.destination, is_rehearsal=job.is_rehearsal, command=command)
    # A signal ends every wait before the load runs.
    before = observers.unless_stopped
    async with AsyncExitStack() as stack:
        schema = None
        if job.live_schema:
            client = await before(open_client())
            schema = await before(
                read_dataset(client, job.instance_id, *place_of_dataset(target_dataset(job)))
            )
        opening = partial(parts.open_extract, extract_settings(job), schema=schema)
        try:
            extract = await before(in_daemon_thread(opening, "opening"))
        except NothingNew as nothing:
            log.warning("%s", nothing.what)
            remove_earlier_unless_held(_run_dir(job), job.keep)
            summary = LoadSummary(run_dir=str(_run_dir(job)), nothing_new=True)
            return Ending(replace(summary, identity=identity()), None)
        stack.callback(extract.close)
        for warning in extract.warnings:
            log.warning("%s", warning)
        if job.dry_run:
            summary = await before(in_daemon_thread(partial(dry_run, job.destination, extract), "dry-run"))
            return Ending(replace(summary, identity=identity(extract.files)), None)
        if schema is None:
            client = await before(open_client())
        settings = {**extract.plan_settings, **(schema.as_settings() if schema is not None else {})}
        reached = {
            **job.model_dump(mode="json", include=CONNECTION_SETTINGS),
            "endpoint_url": client.endpoint_url,
            "region": client.region,
        }
        plan = Plan(
            settings, extract.files, extract.cuts.window_rows, extract.cuts.slice_rows, command, reached
        )
        check_free_space(extract, _run_dir(job))
        with _opened_checkpoint(job, plan, client, parts) as (checkpoint, earlier):
            if observers.opened is not None:
                observers.opened(checkpoint.run_dir, checkpoint.load_id)
            log.info(
                "The load is resumed." if checkpoint.resumed else "The load begins.",
                extra={"rows": extract.total_rows, "files": len(extract.files)},
            )
            remove_earlier(checkpoint.run_dir, job.keep, client.service_now())
            for words, count in Counter(extract.formats).items():
                first = extract.files[extract.formats.index(words)]
                log.info("Read as %s.", words, extra={"file": first.path, "files": count})
            session = session_settings(job)
            await decide_doubts(session.doubt, checkpoint, client)
            await held.begin(checkpoint, client.service_now, observers)
            if extract.bucket_rate is not None and job.rate is None:
                memory = RateMemory(*client.caller, job.instance_id)
                memory.remember_planning(extract.bucket_rate, time.time())
            run = LoadSession(session, extract, client, checkpoint, observers, earlier=earlier)
            observers.begun(run.stop)
            ending = await run.to_end()
            which = identity(extract.files, checkpoint=checkpoint, ended_at=client.service_now())
            summary = replace(ending.summary, identity=which)
            return replace(ending, summary=summary, files_waiting=extract.files_waiting)


@contextmanager
def _opened_checkpoint(
    job: Job, plan: Plan, client: SupplyChainClient, parts: LoadParts
) -> Iterator[tuple[Checkpoint, EarlierShards | None]]:
    """Open the checkpoint of this process, and those of shards of other divisions of the load."""
    run_dir = run_dir_of(job).absolute()
    supersede = job.unfinished is Unfinished.SUPERSEDE
    with opening(run_dir) if job.shard is not None or shard_folders(run_dir) else nullcontext():
        siblings = look_at_siblings(run_dir, job.shard, plan, restart=job.restart, supersede=supersede)
        opened = parts.open_checkpoint(
            _run_dir(job),
            plan,
            restart=job.restart,
            again=job.again and siblings.is_over and not job.retry_failed,
            retry_failed=job.retry_failed,
            supersede=supersede,
            least_generation=siblings.least_generation,
            clock=client.service_now,
        )
    with opened as checkpoint:
        # A checkpoint of another generation belongs to an earlier load.
        same = [part for part in siblings.earlier if part.generation == checkpoint.generation]
        if shard_folders(run_dir) and not same:
            set_aside_old_rejects(run_dir, checkpoint.generation)
        with EarlierShards(same, retry_failed=job.retry_failed) if same else nullcontext() as earlier:
            yield checkpoint, earlier


def _run_dir(job: Job) -> Path:
    return checkpoint_dir_of(job).absolute()
