"""Build the page of a load from its run directory in any state, without changing it."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loader.checkpoint.samples import StoredSample
from loader.errors import CheckpointError
from loader.latency import Percentiles
from loader.page.model import (
    Badge,
    CauseLine,
    Figure,
    LoadPage,
    NextStep,
)
from loader.page.stages import stages_of
from loader.page.stored import period_of, read_stored
from loader.report import figures
from loader.report.identity import service_words
from loader.report.trouble import in_one_line
from loader.shards.whole import Whole, whole_load
from loader.status.failure_groups import FailureGroup
from loader.status.next_steps import Standing, next_steps
from loader.status.overview import LoadState, Overview
from loader.status.overview_text import STATES, is_rehearsal
from loader.status.whole_overview import overview_of

_VERDICTS = {
    LoadState.RUNNING: Badge.RUNNING,
    LoadState.STOPPED: Badge.STOPPED,
    LoadState.KILLED: Badge.STOPPED,
    LoadState.FINISHED: Badge.DONE,
    LoadState.NONE: Badge.ATTENTION,
    LoadState.UNREADABLE: Badge.ATTENTION,
}


def build_page(
    run_dir: Path, now: float, *, standing: Callable[[Overview], Standing] = Overview.standing
) -> LoadPage:
    """Return the page of a load.

    Args:
        run_dir: Its run directory.
        now: Epoch seconds.
        standing: Returns what the next step depends on.

    Raises:
        CheckpointError: The folder has no load, or its checkpoint cannot be read.
    """
    with whole_load(run_dir.absolute()) as whole:
        overview = overview_of(whole, run_dir, now)
        return _page(overview, run_dir, whole, now, standing)


def _page(
    overview: Overview,
    run_dir: Path,
    whole: Whole | None,
    now: float,
    standing: Callable[[Overview], Standing],
) -> LoadPage:
    if overview.problem is not None:
        raise overview.problem
    if overview.plan is None or overview.totals is None:
        raise CheckpointError(
            "The run directory does not hold a load.",
            where=str(overview.run_dir),
            next_step="name the run directory of a load: its summary shows it as 'run dir'",
        )
    stored = read_stored(run_dir if whole is None else whole.place)
    is_read = whole.has_read_all if whole is not None else stored.files_read == len(overview.plan.files)
    has_read_all = is_read or overview.state is LoadState.FINISHED  # a file without rows has no slice
    latencies = stored.latencies()
    return LoadPage(
        verdict=_verdict(overview),
        headline=_headline(overview, has_read_all=has_read_all),
        reasons=list(_reasons(overview)),
        facts=list(_facts(overview)),
        next_steps=[NextStep(step.why, step.command) for step in next_steps(standing(overview))],
        figures=list(_figures(overview, stored.samples, latencies, has_read_all=has_read_all)),
        stages=list(stages_of(overview, has_read_all=has_read_all)),
        samples=list(map(period_of, stored.samples)),
        windows=stored.windows,
        files=stored.files,
        rejected=[_cause(each) for each in overview.rejected],
        failed=[_cause(each) for each in overview.failed],
        settings=list(_settings(overview.plan.settings)),
        versions=list(_versions()),
        made_at=figures.moment(now),
    )


def _verdict(overview: Overview) -> Badge:
    totals = overview.totals
    assert totals is not None
    trouble = totals.events_failed or totals.rows_rejected or overview.doubt.expired or _lost(overview)
    verdict = _VERDICTS[overview.state]
    return Badge.ATTENTION if verdict is Badge.DONE and trouble else verdict


def _lost(overview: Overview) -> int:
    """Return the number of accepted events that are known to be not loaded."""
    return overview.loaded.get("failed", 0) + overview.loaded.get("missing", 0)


def _headline(overview: Overview, *, has_read_all: bool) -> str:
    totals = overview.totals
    assert totals is not None
    if has_read_all:
        of_all = f" of {figures.counted(totals.events_total, 'event')}"
        accepted = f"{figures.count(totals.events_accepted)}{of_all} accepted"
    else:
        # The events planned so far are not all: "9 of 9 accepted" would look complete.
        accepted = f"{figures.counted(totals.events_accepted, 'event')} accepted so far"
    match overview.state:
        case LoadState.FINISHED if totals.events_failed or totals.rows_rejected:
            errors = ((totals.rows_rejected, "rejected row"), (totals.events_failed, "failed event"))
            return f"Done, but with {' and '.join(figures.counted(*each) for each in errors if each[0])}."
        case LoadState.FINISHED:
            return _finished(overview)
        case LoadState.RUNNING:
            return f"Running: {accepted}."
        case LoadState.KILLED:
            return f"The process terminated unexpectedly: {accepted}."
        case _:
            return f"Stopped: {accepted}."


def _reasons(overview: Overview) -> Iterator[str]:
    """Yield why a load is not done, in sentences."""
    if overview.state is LoadState.FINISHED:
        return
    if overview.state is LoadState.STOPPED:
        cause = overview.last_run.cause if overview.last_run else STATES[overview.state]
        yield f"{figures.printable(cause).rstrip('.')}."
    trouble = overview.trouble
    if trouble is not None and not (trouble.is_over and overview.state is LoadState.RUNNING):
        over = " Events were accepted since." if trouble.is_over else ""
        yield f"Last trouble: {in_one_line(trouble)}.{over}"


def _finished(overview: Overview) -> str:
    lost = _lost(overview)
    if lost:
        return f"Accepted, but {figures.counted(lost, 'event')} {'is' if lost == 1 else 'are'} not loaded."
    accepted = overview.totals.events_accepted if overview.totals is not None else 0
    is_loaded = accepted and overview.loaded.get("succeeded") == sum(overview.loaded.values())
    return f"Done: all {figures.counted(accepted, 'event')} accepted{' and loaded' if is_loaded else ''}."


def _facts(overview: Overview) -> Iterator[tuple[str, str]]:
    plan = overview.plan
    assert plan is not None
    instance = str(plan.settings.get("instance_id", "unknown"))
    yield "service", service_words(is_rehearsal=is_rehearsal(overview), instance_id=instance)
    for name in ("event_type", "dataset_arn", "operation"):
        if plan.settings.get(name):
            yield name.replace("_", " "), str(plan.settings[name])
    yield "load", overview.load_id
    if overview.created_at is not None:
        yield "began", figures.moment(overview.created_at)
    if overview.ended_at is not None:
        yield "ended", figures.moment(overview.ended_at)
    yield "run directory", figures.printable(str(overview.run_dir.absolute()))


def _figures(
    overview: Overview, stored: Sequence[StoredSample], latencies: Percentiles, *, has_read_all: bool
) -> Iterator[Figure]:
    totals = overview.totals
    assert totals is not None
    yield Figure("rows read", figures.count(totals.rows_read))
    yield Figure("records", figures.count(totals.records))
    yield Figure("rows rejected", figures.count(totals.rows_rejected))
    planned = f"of {figures.count(totals.events_total)}{'' if has_read_all else ' planned so far'}"
    yield Figure("events accepted", figures.count(totals.events_accepted), planned)
    yield Figure("events failed", figures.count(totals.events_failed))
    if totals.events_in_doubt:
        yield Figure("events in doubt", figures.count(totals.events_in_doubt))
    seconds = sum(sample.seconds for sample in stored)
    if seconds > 0:
        accepted = sum(sample.accepted for sample in stored)
        yield Figure("events per second", figures.rate(accepted / seconds))
        yield Figure("working time", figures.duration(seconds))
        attempted, throttled = (
            sum(getattr(sample, name) for sample in stored) for name in ("attempted", "throttled")
        )
        # A kill loses the last second of samples. Each event had an attempt.
        least = totals.events_accepted + totals.events_failed
        share = f"{'or more; ' if attempted < least else ''}{figures.percent(throttled, attempted)} throttled"
        yield Figure("attempts", figures.count(max(attempted, least)), share)
    if latencies.p50 is not None:
        others = (("p95", latencies.p95), ("p99", latencies.p99), ("max", latencies.max))
        # No-break spaces keep each name with its number.
        note = ", ".join(f"{name}\u00a0{value:,.0f}\u00a0ms" for name, value in others if value is not None)
        yield Figure("round trip p50", f"{latencies.p50:,.0f} ms", note)


def _cause(group: FailureGroup) -> CauseLine:
    path, row = group.first[0] if group.first else ("", 0)
    place = f"{path} row {row + 1:,}" if group.first else ""
    return CauseLine(group.kind, group.reason, group.count, place)


def _settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield names and values as a job file has them, without empty ones."""
    for name, value in sorted(settings.items()):
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", text) for key, text in _settings(value))
        elif isinstance(value, list | tuple):
            if value:
                yield name, figures.printable(", ".join(map(str, value)), 300)
        elif value not in (None, ""):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield name, figures.printable(text, 300)


@cache  # a live page is built again and again
def _versions() -> tuple[tuple[str, str], ...]:
    names = ("scn-loader", "polars", "orjson", "aiohttp", "botocore")
    return *((name, version(name)) for name in names), ("Python", platform.python_version())
