"""The snapshots and summaries of several workers as those of one load."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.progress import read_known_rows
from loader.checkpoint.queries import read_totals
from loader.checkpoint.reading import read_plan
from loader.errors import DeliveryStopped, LoaderError
from loader.latency import NO_LATENCIES, Percentiles
from loader.loading.api import under_its_address
from loader.loading.observers import Ending
from loader.process.daemon_thread import in_daemon_thread
from loader.remote.during_load import HeldLoad
from loader.remote.holding import bring_whole_down, bring_whole_up
from loader.remote.settings import RunDirectorySettings
from loader.report import LoadSummary, Snapshot
from loader.report.identity import UNKNOWN_LOAD, LoadIdentity
from loader.runners.messages import COUNTED, WorkerEnd
from loader.shards.whole import Whole, whole_load
from loader.status.whole_overview import overview_of

SUMMED = (
    *("rows_rejected", "events_planned", "events_accepted", "events_failed", "events_in_doubt", "attempts"),
    *("throttled", "retried", "in_flight", "in_flight_cap", "held_bytes"),
)


OF_THE_EXTRACT = {"files_total", "files_read_whole"}
"""Counts that are the same in all shards."""


def together(
    snapshots: Sequence[Snapshot], shards: int, seconds: float, ended_counts: Mapping[str, int]
) -> Snapshot:
    """Return the snapshots of all workers as one.

    Each shard reads the whole extract, so the number of finished rows is the mean over the shards.

    Args:
        snapshots: The last one of each worker, including workers that have ended.
        shards: Number of shards.
        seconds: Seconds since the load began.
        ended_counts: Counts of processes that ended unexpectedly, by name.
    """
    if not snapshots:
        return Snapshot(seconds=seconds)
    sums = {
        name: sum(getattr(each, name) for each in snapshots) + ended_counts.get(name, 0) for name in SUMMED
    }
    rates = [each.rate_limit for each in snapshots if each.rate_limit is not None]
    limits = Counter(each.limiting for each in snapshots if each.limiting and each.in_flight)
    troubles = [each.trouble for each in snapshots]
    return Snapshot(
        rows_total=snapshots[0].rows_total,
        rows_done=sum(each.rows_done for each in snapshots) // shards,
        rate_limit=sum(rates) if rates else None,
        limiting=limits.most_common(1)[0][0] if limits else snapshots[0].limiting,
        latency=worst(each.latency for each in snapshots),
        delivery_latency=worst(each.delivery_latency for each in snapshots),
        seconds=seconds,
        trouble=troubles[0] if all(each is not None for each in troubles) else None,
        phase=max((each.phase for each in snapshots), key=_rank),
        **sums,
    )


def _rank(phase: str) -> int:
    return {"reading": 0, "delivering": 1, "draining": 2}.get(phase, 3)


def worst(latencies: Iterable[Percentiles]) -> Percentiles:
    """Return each percentile as the longest of any worker."""
    known = [each for each in latencies if each.p50 is not None]
    if not known:
        return NO_LATENCIES
    names = [each.name for each in fields(Percentiles)]
    return Percentiles(**{name: max(getattr(each, name) for each in known) for name in names})


def summary_of(
    run_dir: Path,
    ends: Sequence[WorkerEnd],
    last: Snapshot,
    *,
    seconds: float,
    error: LoaderError | None,
    identity: LoadIdentity = UNKNOWN_LOAD,
) -> LoadSummary:
    """Return the summary of a load: counts of the load from the checkpoints, of this run from the workers.

    Args:
        run_dir: The run directory, absolute.
        ends: The ends that workers have reported.
        last: The last snapshot of all workers.
        seconds: Duration of the run.
        error: The error that stopped the load, or None.
        identity: What distinguishes the load from others, as far as the settings say.
    """
    summaries = [end.summary for end in ends if end.summary is not None]
    limits: Counter[str] = Counter()
    for each in summaries:
        limits.update({name: share / len(summaries) for name, share in each.limited_by.items()})
    rates = [each.learned_rate for each in summaries if each.learned_rate is not None]
    troubles = [each.last_trouble for each in summaries if each.last_trouble is not None]
    befores = [each.before for each in summaries if each.before is not None]
    reasons = {each.rejected_because for each in summaries if each.rows_rejected}
    summary = LoadSummary(
        run_dir=str(run_dir),
        attempts=last.attempts,
        throttled=last.throttled,
        retried=last.retried,
        seconds=seconds,
        rows_in_run=sum(each.rows_in_run for each in summaries),
        events_accepted_in_run=sum(each.events_accepted_in_run for each in summaries),
        resumed=any(each.resumed for each in summaries),
        limited_by=limits,
        latency=worst(each.latency for each in summaries),
        delivery_latency=worst(each.delivery_latency for each in summaries),
        learned_rate=sum(rates) if rates else None,
        stopped_by=error.exit_code if error is not None else None,
        stopped_because=error.what if error is not None else "",
        last_trouble=max(troubles, key=lambda trouble: trouble.latest, default=None),
        rejected_because=reasons.pop() if len(reasons) == 1 else "",
        before=_sum_of(befores, run_dir) if befores else None,
        identity=identity,
        nothing_new=bool(summaries) and all(each.nothing_new for each in summaries),
    )
    return summary if summary.nothing_new else _counted(summary, run_dir)


def _sum_of(parts: Sequence[LoadSummary], run_dir: Path) -> LoadSummary:
    """Return the summary of an unfinished load that workers finished first, from those of its shards.

    Each shard reads the whole extract. The rows that none of these shards delivered are elsewhere.

    Args:
        parts: The summaries of the shards that were not finished before; not all shards, if others were.
        run_dir: The run directory, absolute.
    """
    counts = {name: sum(getattr(each, name) for each in parts) for name in COUNTED - OF_THE_EXTRACT}
    rows_of_extract = max(each.rows_read + each.rows_elsewhere for each in parts)
    return replace(
        parts[0],
        run_dir=str(run_dir),
        seconds=max(each.seconds for each in parts),
        **counts | {"rows_elsewhere": rows_of_extract - counts["rows_read"]},
    )


async def from_other_machines(settings: RunDirectorySettings) -> LoaderError | None:
    """Bring the checkpoints of workers on other machines to this one, if the run directory is in S3.

    Returns:
        The error if that fails: the counts of the load are then incomplete.
    """
    if settings.address is None:
        return None
    try:
        await in_daemon_thread(partial(bring_whole_down, settings.address, settings.s3), "s3-parts")
    except LoaderError as error:
        return DeliveryStopped(
            "The checkpoints of the workers cannot be read from S3, so the counts are incomplete.",
            where=settings.address,
            why=error.what,
            next_step="run the same command again: it resumes",
        )
    return None


async def as_in_s3(settings: RunDirectorySettings, ending: Ending) -> Ending:
    """Bring the files of the whole load to S3, if its run directory is there, and name the address."""
    if settings.address is None:
        return ending
    await in_daemon_thread(partial(bring_whole_up, settings.address, settings.s3), "s3-files")
    return under_its_address(ending, HeldLoad(str(settings.folder), settings.address))


def _counted(summary: LoadSummary, run_dir: Path) -> LoadSummary:
    with whole_load(run_dir) as whole:
        if whole is None:
            return summary
        with closing(sqlite3.connect(whole.place / CHECKPOINT_NAME)) as connection:
            totals = read_totals(connection)
            files = read_plan(connection)[2].files
            known = read_known_rows(connection) if whole.has_read_all else {}
            identity = _identity(summary.identity, whole, run_dir)
    return replace(
        summary,
        identity=identity,
        files_total=len(files),
        files_read_whole=len(known),
        rows_expected=sum(known.values()) if len(known) == len(files) else None,
        **asdict(totals),
    )


def _identity(known: LoadIdentity, whole: Whole, run_dir: Path) -> LoadIdentity:
    """Add the values of the checkpoints, as ``status`` shows them."""
    load = overview_of(whole, run_dir, time.time())
    return replace(
        known,
        load_id=load.load_id,
        files=[file.path for file in load.plan.files] if load.plan is not None else [],
        began_at=load.created_at,
        ended_at=load.ended_at,
        parent=None if load.parent is None else str(load.parent),
        child=None if load.child is None else str(load.child),
    )
