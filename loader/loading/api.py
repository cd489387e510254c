"""A load from end to end: the only module that knows every stage.

    extract -> planning (a thread) -> feeding -> lanes -> attempts -> outcome -> checkpoint, tally

What can refuse the load (settings, schema, credentials, checkpoint) is asked for in that order, before
anything is sent. What stops it later ends it in one place, with a checkpoint that can be resumed.
"""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from loader.aws.credentials import CredentialSource
from loader.checkpoint import Checkpoint, Plan, open_checkpoint
from loader.errors import Interrupted, Terminated, contained, contained_call
from loader.extract import Extract, open_extract, place_of_dataset
from loader.job import Job
from loader.loading.doubts import decide_doubts
from loader.loading.dry_run import dry_run
from loader.loading.observers import Ending, Observers
from loader.loading.session import RESUME, LoadSession
from loader.model import EventResult
from loader.report import LoadSummary, Snapshot
from loader.service.client import SupplyChainClient, open_client
from loader.service.live_schema import read_dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadParts:
    """How the parts of a load are opened. Tests of faults put others in their place.

    Attributes:
        open_extract: Opens the files of a job.
        open_client: Opens what makes the attempts.
        open_checkpoint: Opens the checkpoint in the run directory.
    """

    open_extract: Callable[..., Extract] = open_extract
    open_client: Callable[..., Awaitable[SupplyChainClient]] = open_client
    open_checkpoint: Callable[..., Checkpoint] = open_checkpoint


USUAL_PARTS = LoadParts()

RESULTS_AHEAD = 10_000
"""Results ``stream_load`` holds for a slow consumer before delivery waits for it."""


def run_load(job: Job, *, watch: Callable[[Snapshot], None] | None = None) -> LoadSummary:
    """Run a load and return how it ended; ``summary.exit_code`` judges it.

    While it runs, Ctrl-C and SIGTERM stop it gracefully, and a second one at once; both leave it resumable.
    Call it from the main thread.

    Args:
        job: The settings.
        watch: Called a few times a second with how the load stands.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    return run_to_end(job, Observers(watch=watch)).summary


def run_to_end(
    job: Job,
    observers: Observers,
    *,
    command: str = "",
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
) -> Ending:
    """Run a load as ``run_load`` does, and return also what stopped it.

    Args:
        job: The settings.
        observers: Who looks on.
        command: The command line that ``status`` shows for running this load again.
        loop_factory: Makes the event loop.
        credentials: As whom to sign; looked for if not given.
        parts: How its parts are opened.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_open_and_run(job, observers, command, credentials, parts, on_signals=True))


async def stream_load(job: Job, *, results_ahead: int = RESULTS_AHEAD) -> AsyncGenerator[EventResult, None]:
    """Run a load and yield what each event came to, as it comes. A slow consumer slows the load down.

    Leaving the iteration early (close it with ``contextlib.aclosing``) stops the load gracefully; it can be
    resumed.

    Args:
        job: The settings.
        results_ahead: Results that are held for a slow consumer before delivery waits for it.

    Raises:
        LoaderError: The load was refused, or stopped before its end.
    """
    results: asyncio.Queue[EventResult | None] = asyncio.Queue()
    room = asyncio.Event()
    room.set()

    def put(result: EventResult) -> None:
        results.put_nowait(result)
        if results.qsize() >= results_ahead:
            room.clear()

    observers = Observers(on_result=put, caught_up=room.wait)
    load = asyncio.create_task(_open_and_run(job, observers))
    load.add_done_callback(lambda _: results.put_nowait(None))
    try:
        while (result := await results.get()) is not None:
            yield result
            if results.empty():
                room.set()
        if (error := load.result().error) is not None:
            raise error
    finally:
        observers.on_result = None  # or delivery would wait for room again
        room.set()
        observers.stop(Interrupted("The results were not read to their end."))
        await asyncio.wait({load})


async def _open_and_run(
    job: Job,
    observers: Observers,
    command: str = "",
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
    *,
    on_signals: bool = False,
) -> Ending:
    with contained():
        return await _opened_and_run(job, observers, command, credentials, parts, on_signals=on_signals)


async def _opened_and_run(
    job: Job,
    observers: Observers,
    command: str,
    credentials: CredentialSource | None,
    parts: LoadParts,
    *,
    on_signals: bool,
) -> Ending:
    async with AsyncExitStack() as stack:
        schema = None
        if job.live_schema:
            client = await stack.enter_async_context(await parts.open_client(job, credentials=credentials))
            schema = await read_dataset(client, job.instance_id, *place_of_dataset(job))
        extract = await asyncio.to_thread(contained_call, parts.open_extract, job, schema=schema)
        stack.callback(extract.close)
        for warning in extract.warnings:
            log.warning("%s", warning)
        if job.dry_run:
            return Ending(await asyncio.to_thread(contained_call, dry_run, job, extract), None)
        if schema is None:
            client = await stack.enter_async_context(await parts.open_client(job, credentials=credentials))
        settings = job.plan_settings() | (schema.as_settings() if schema is not None else {})
        plan = Plan(settings, extract.files, extract.window_rows, command)
        run_dir = job.run_dir or job.default_run_dir()
        with parts.open_checkpoint(
            run_dir, plan, restart=job.restart, retry_failed=job.retry_failed, clock=client.service_now
        ) as checkpoint:
            if observers.opened is not None:
                observers.opened(checkpoint.run_dir, checkpoint.load_id)
            log.info(
                "The load is resumed." if checkpoint.resumed else "The load begins.",
                extra={"rows": extract.total_rows, "count": len(extract.files)},
            )
            for file, words in zip(extract.files, extract.formats, strict=True):
                log.info("Read as %s.", words, extra={"path": file.path})
            await decide_doubts(job, checkpoint, client)
            run = LoadSession(job, extract, client, checkpoint, observers)
            observers.begun(run.stop)
            with _stopped_by_signals(observers) if on_signals else nullcontext():
                return await run.to_end()


@contextmanager
def _stopped_by_signals(observers: Observers) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end the load gracefully and the second end the process."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(kind: type[Interrupted], word: str) -> None:
        nonlocal asked
        if asked:
            # The checkpoint stands kill -9 at any moment, so this is safe, and nobody who asks twice waits.
            if observers.leaving is not None:
                observers.leaving()
            os._exit(kind.exit_code)
        asked = True
        observers.stop(kind(f"{word} came; what was in flight was waited for.", next_step=RESUME))

    loop.add_signal_handler(signal.SIGINT, on_signal, Interrupted, "Ctrl-C")
    loop.add_signal_handler(signal.SIGTERM, on_signal, Terminated, "SIGTERM")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
