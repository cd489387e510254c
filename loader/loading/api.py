"""A load from end to end: the only module that knows every stage.

    extract -> planning (a thread) -> feeding -> lanes -> attempts -> outcome -> checkpoint, tally

What can refuse the load (settings, schema, credentials, checkpoint) is asked for in that order, before
anything is sent. What stops it later ends it in one place, with a checkpoint that can be resumed.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
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


def run_to_end(
    job: Job,
    observers: Observers,
    *,
    command: str = "",
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
) -> Ending:
    """Run a load on a loop of its own, and return how it ended and what stopped it.

    Signals are heeded if it is called from the main thread: Python allows it there only.

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
    in_main = threading.current_thread() is threading.main_thread()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(open_and_run(job, observers, command, credentials, parts, on_signals=in_main))


async def open_and_run(
    job: Job,
    observers: Observers,
    command: str = "",
    credentials: CredentialSource | None = None,
    parts: LoadParts = USUAL_PARTS,
    *,
    on_signals: bool = False,
) -> Ending:
    """Open the parts of a load on the running loop, run it, and return how it ended and what stopped it.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
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
        run_dir = (job.run_dir or job.default_run_dir()).absolute()
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
