"""A load through the library, for what the command does not do: run without a checkpoint, stop half-way.

    python -m benchmarks.library_load EXTRACT --url URL --run-dir DIR [--packed]
        [--checkpoint real|unmarked|null] [--stop-at-rows N] [--watched usual|all|no]

Prints the seconds and the rows of the delivery alone as a line of JSON.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.folder import EVENT_TYPE, INSTANCE, REGION
from benchmarks.null_checkpoint import NullCheckpoint
from loader.checkpoint import Checkpoint, Plan, open_checkpoint
from loader.errors import Interrupted
from loader.extract import open_extract
from loader.job import Job, Pack
from loader.latency import Latencies
from loader.loading.observers import Ending, Observers
from loader.loading.running.sampling import Sampler
from loader.loading.running.session import LoadSession
from loader.loading.settings import session_settings
from loader.metrics import MetricsFile
from loader.model import EventResult
from loader.service.client import open_client
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings


def main() -> None:
    """Run the load that the arguments ask for."""
    parser = argparse.ArgumentParser(description="a load through the library")
    parser.add_argument("extract")
    parser.add_argument("--url", required=True)
    parser.add_argument("--run-dir", required=True, type=Path)
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--checkpoint", choices=["real", "unmarked", "null"], default="real")
    parser.add_argument("--stop-at-rows", type=int)
    parser.add_argument("--watched", choices=["usual", "all", "no"], default="usual")
    options = parser.parse_args()
    if options.watched == "no":
        unwatch()
    if options.checkpoint == "unmarked":
        unmark()
    job = Job(
        extract=(options.extract,),
        event_type=EVENT_TYPE,
        instance_id=INSTANCE,
        region=REGION,
        endpoint_url=options.url,
        run_dir=options.run_dir,
        pack=Pack.GROUP if options.packed else Pack.ROW,
        group_buckets=64 if options.packed else None,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds, cpu_seconds, ending = runner.run(
            _deliver(
                job,
                options.run_dir,
                options.stop_at_rows,
                with_checkpoint=options.checkpoint != "null",
                with_metrics=options.watched == "all",
            )
        )
    summary = ending.summary
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "rows": summary.rows_in_run,
                "events": summary.events_accepted_in_run,
            }
        )
    )


async def _deliver(
    job: Job, run_dir: Path, stop_at_rows: int | None, *, with_checkpoint: bool, with_metrics: bool
) -> tuple[float, float, Ending]:
    extract = open_extract(extract_settings(job))
    observers = Observers()
    if stop_at_rows is not None:
        observers.on_result = _Stopper(observers, stop_at_rows)
    if with_metrics:
        observers.watch = MetricsFile(run_dir / "metrics.prom", {"event_type": EVENT_TYPE}).update
    async with await open_client(client_settings(job)) as client:
        plan = Plan(job.plan_settings(), extract.files, extract.cuts.window_rows, extract.cuts.slice_rows, "")
        # It has what a Run asks of a checkpoint; there is no protocol for it, as loads always have one.
        nothing = nullcontext(cast("Checkpoint", NullCheckpoint(run_dir)))
        with open_checkpoint(run_dir, plan) if with_checkpoint else nothing as checkpoint:
            run = LoadSession(session_settings(job), extract, client, checkpoint, observers)
            observers.begun(run.stop)
            began, cpu_began = time.monotonic(), time.process_time()
            ending = await run.to_end()
            return time.monotonic() - began, time.process_time() - cpu_began, ending


def unwatch() -> None:
    """Measure and keep nothing of what a load's page, summary and metrics show over time."""
    Latencies.add = lambda *_: None  # type: ignore[method-assign]
    Sampler.observe = lambda *_: None  # type: ignore[method-assign]


def unmark() -> None:
    """Let events be sent without a durable mark: a kill could lose which events were sent."""
    Checkpoint.mark_sendable = _unmarked  # type: ignore[method-assign]


async def _unmarked(self: Checkpoint, places: Sequence[tuple[int, int]]) -> None:
    """Let the events go at once."""


class _Stopper:
    """Stops the load gracefully once so many rows are settled."""

    def __init__(self, observers: Observers, rows: int) -> None:
        self._observers = observers
        self._rows_left = rows

    def __call__(self, result: EventResult) -> None:
        self._rows_left -= len(result.event.rows)
        if self._rows_left <= 0:
            self._observers.stop(Interrupted("Enough rows for this measurement."))


if __name__ == "__main__":
    main()
