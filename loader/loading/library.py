"""The library's functions that run a load: blocking, in an event loop, or as a stream of results."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from loader.errors import DeliveryStopped, Interrupted, SettingsError, contained_call
from loader.extract.frames import Frame
from loader.job import Job
from loader.loading.api import open_and_run, run_to_end
from loader.loading.observers import Ending, Observers
from loader.model import EventResult
from loader.report import LoadSummary, Snapshot
from loader.stage_settings.frame import job_of_frame

RESULTS_AHEAD = 10_000
"""Number of results that ``stream_load`` holds for a slow consumer before the load waits."""


def run_load(
    job: Job, *, watch: Callable[[Snapshot], None] | None = None, frame: Frame | None = None
) -> LoadSummary:
    """Run a load and return its summary. ``summary.exit_code`` is the exit code of the command.

    Any thread may call this function. In the main thread, Ctrl-C, SIGTERM and SIGHUP stop the load
    gracefully, and a second signal ends the process. The load is resumable in both cases.

    Args:
        job: The settings.
        watch: Called several times per second with the state of the load, and once at its end. If it raises
            an exception, the load stops with exit code 5 and can be resumed.
        frame: The rows, in place of ``job.extract``: a DataFrame or LazyFrame of polars, a DataFrame of
            pandas, an Arrow table, or any object with ``__arrow_c_stream__``. It is written once, to a
            private file in the run directory that is removed at the end. A call with the same rows resumes
            the load.

    Raises:
        SettingsError: An event loop runs in this thread. Use ``await load`` there.
        LoaderError: The load was refused before anything was sent.
    """
    _refuse_running_loop()
    with job_of_frame(job, frame) as whole:
        return run_to_end(whole, Observers(watch=_stopping(watch))).summary


async def load(
    job: Job, *, watch: Callable[[Snapshot], None] | None = None, frame: Frame | None = None
) -> LoadSummary:
    """Run a load on the running event loop and return its summary, for notebooks and asynchronous programs.

    No signal handler is set. Cancellation stops the load gracefully, and it can be resumed. A second
    cancellation ends it at once.

    Args:
        job: The settings.
        watch: As for ``run_load``. It is called on the event loop.
        frame: As for ``run_load``. A thread writes it.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    async with _with_frame(job, frame) as whole:
        observers = Observers(watch=_stopping(watch))
        running = asyncio.create_task(open_and_run(whole, observers))
        try:
            ending = await asyncio.shield(running)
        except asyncio.CancelledError:
            observers.stop(Interrupted("The task that awaited the load was cancelled."))
            await _end_of(running)
            raise
        return ending.summary


async def _end_of(running: "asyncio.Task[Ending]") -> None:
    """Wait until a stopped load has ended. If this wait is cancelled, the load ends at once.

    Otherwise the load would go on without its caller, who may run another one in its place.
    """
    is_cancelled = False
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            if not is_cancelled:  # another cancellation would interrupt its clean-up
                running.cancel()
            is_cancelled = True


def _stopping(watch: Callable[[Snapshot], None] | None) -> Callable[[Snapshot], None] | None:
    """Return a function of the caller that stops the load with a separate error if it raises an exception."""
    if watch is None:
        return None

    def watched(snapshot: Snapshot) -> None:
        try:
            watch(snapshot)
        except Exception as fault:
            raise DeliveryStopped(
                "The function that watches the load raised an exception.",
                why=type(fault).__name__,
                next_step="run the load again to resume it",
            ) from fault

    return watched


class LoadStream(AsyncIterator[EventResult]):
    """The results of a load, in the order of their arrival.

    Args:
        results: Yields the results.
        run: Has the end of the load.
    """

    def __init__(self, results: AsyncGenerator[EventResult, None], run: "_StreamedRun") -> None:
        self._results = results
        self._run = run

    def __aiter__(self) -> "LoadStream":
        return self

    async def __anext__(self) -> EventResult:
        return await anext(self._results)

    async def aclose(self) -> None:
        """Stop the load gracefully if it has not ended. It can be resumed."""
        await self._results.aclose()

    @property
    def summary(self) -> LoadSummary:
        """The summary of the load.

        Raises:
            RuntimeError: The load has not ended: the results were not read to the end and the stream was not
                closed.
        """
        if self._run.ending is None:
            raise RuntimeError(
                "The load has no summary yet: read its results to the end, or close the stream."
            )
        return self._run.ending.summary


@dataclass(slots=True)
class _StreamedRun:
    ending: Ending | None = None


def stream_load(job: Job, *, results_ahead: int = RESULTS_AHEAD, frame: Frame | None = None) -> LoadStream:
    """Run a load and yield the result of each event when it arrives. A slow consumer slows the load down.

    If the stream is closed early (by ``contextlib.aclosing``), the load stops gracefully, and it can be
    resumed. At the end, ``stream.summary`` has the summary.

    Args:
        job: The settings.
        results_ahead: Number of results that are held for a slow consumer before the load waits.
        frame: As for ``run_load``. A thread writes it.

    Raises:
        LoaderError: The load was refused, or stopped before its end.
    """
    run = _StreamedRun()
    return LoadStream(_results(job, results_ahead, frame, run), run)


async def _results(
    job: Job, results_ahead: int, frame: Frame | None, run: _StreamedRun
) -> AsyncGenerator[EventResult, None]:
    results: asyncio.Queue[EventResult | None] = asyncio.Queue()
    room = asyncio.Event()
    room.set()

    def put(result: EventResult) -> None:
        results.put_nowait(result)
        if results.qsize() >= results_ahead:
            room.clear()

    observers = Observers(on_result=put, caught_up=room.wait)
    async with _with_frame(job, frame) as whole:
        running = asyncio.create_task(open_and_run(whole, observers))
        running.add_done_callback(lambda _: results.put_nowait(None))
        try:
            while (result := await results.get()) is not None:
                yield result
                if results.empty():
                    room.set()
            if (error := running.result().error) is not None:
                raise error
        finally:
            observers.on_result = None  # otherwise delivery would wait for room again
            room.set()
            observers.stop(Interrupted("The results were not read to their end."))
            await _end_of(running)
            if not running.cancelled() and running.exception() is None:
                run.ending = running.result()


@asynccontextmanager
async def _with_frame(job: Job, frame: Frame | None) -> AsyncIterator[Job]:
    """Yield the job that loads a frame. A thread writes the rows to a file."""
    async with AsyncExitStack() as stack:
        kept = job_of_frame(job, frame)
        whole = await asyncio.to_thread(contained_call, kept.__enter__)
        stack.push(kept)
        yield whole


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SettingsError(
        "run_load cannot be called in a thread with a running event loop.",
        why="it starts its own event loop, and a notebook or async function already has one",
        next_step="summary = await loader.load(job)",
    )
