"""The overview of a run directory as the text of ``status``: which load, its state, the next step."""

from collections.abc import Iterator, Sequence

from loader.report import figures
from loader.report.figures import printable
from loader.report.identity import service_words
from loader.report.trouble import in_one_line
from loader.status.failure_groups import FailureGroup
from loader.status.loaded_stage import stage_text
from loader.status.next_steps import Step
from loader.status.overview import LoadState, Overview
from loader.status.relatives import CORRECTED_NOT_LOADED_NAME

STATES = {
    LoadState.NONE: "no load",
    LoadState.RUNNING: "running",
    LoadState.STOPPED: "stopped before the end",
    LoadState.KILLED: "terminated unexpectedly (killed, or the machine went down)",
    LoadState.FINISHED: "finished",
    LoadState.UNREADABLE: "unreadable",
}

_LABEL_CHARS = 10
_SHOWN_FILES = 5


def overview_text(overview: Overview, steps: Sequence[Step], earlier: str = "") -> str:
    """Return the lines that ``status`` prints, without a final line end.

    Args:
        overview: The load.
        steps: What to do next.
        earlier: Lines about earlier loads of the run directory, each with its line end.
    """
    lines = [_line("run", printable(str(overview.run_dir))), _line("state", _state(overview))]
    if overview.shards:
        lines.append(_line("shards", overview.shards))
    if overview.problem is not None:
        lines.append(overview.problem.block())
    lines += _identity(overview)
    lines += _times(overview)
    lines += _counts(overview)
    lines += _loaded(overview)
    lines += _doubt(overview)
    lines += _trouble(overview)
    lines += _troubles("failed", overview.failed)
    lines += _troubles("rejected", overview.rejected)
    lines += _relatives(overview)
    lines += earlier.splitlines()
    lines += _steps(steps, overview)
    return "\n".join(lines)


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL_CHARS}}{text}".rstrip()


def _state(overview: Overview) -> str:
    text = STATES[overview.state]
    if overview.pid:
        return f"{text} (process {overview.pid})"
    if overview.state is LoadState.STOPPED and overview.last_run is not None:
        return f"{text}: {printable(overview.last_run.cause)}"
    return text


def _identity(overview: Overview) -> Iterator[str]:
    """Yield what distinguishes this load from others: id, instance, event type, files, command."""
    plan = overview.plan
    if plan is None or overview.created_at is None:
        return
    earlier = ", an earlier load of this run directory" if overview.is_earlier else ""
    yield _line("load", f"{overview.load_id}, began {figures.moment(overview.created_at)}{earlier}")
    instance = str(plan.settings.get("instance_id", "unknown"))
    yield _line("service", service_words(is_rehearsal=is_rehearsal(overview), instance_id=instance))
    target = plan.settings.get("dataset_arn")
    into = f" into {printable(str(target))}, {plan.settings.get('operation')}" if target else ""
    yield _line("type", f"{printable(str(plan.settings.get('event_type', 'unknown')))}{into}")
    for position, file in enumerate(plan.files[:_SHOWN_FILES]):
        yield _line("" if position else "files", printable(file.path))
    if len(plan.files) > _SHOWN_FILES:
        yield _line("", f"and {figures.counted(len(plan.files) - _SHOWN_FILES, 'more file')}")
    if overview.command:
        yield _line("command", "")
        yield f"  {printable(overview.command)}"


def is_rehearsal(overview: Overview) -> bool:
    """Return whether a load went to an emulator on this machine."""
    return overview.plan is not None and overview.plan.settings.get("service") == "loopback"


def _times(overview: Overview) -> Iterator[str]:
    if overview.started_at is not None:
        ended = f", ended {figures.moment(overview.ended_at)}" if overview.ended_at is not None else ""
        code = f", exit code {int(overview.last_run.exit_code)}" if overview.last_run is not None else ""
        yield _line("last run", f"began {figures.moment(overview.started_at)}{ended}{code}")


def _counts(overview: Overview) -> Iterator[str]:
    totals = overview.totals
    if totals is None:
        return
    left = f", {overview.rows_left:,} not read yet" if overview.rows_left else ""
    yield _line(
        "rows",
        f"{totals.rows_read:,} read: {totals.records:,} became records, {totals.rows_rejected:,} rejected, "
        f"{totals.rows_filtered:,} filtered{figures.of_unknown(totals.rows_filtered_unknown)}{left}",
    )
    refused = totals.records_failed
    records = f" ({figures.counted(refused, 'record')})" if refused != totals.events_failed else ""
    yield _line(
        "events",
        f"{totals.events_total:,} planned: {totals.events_accepted:,} accepted, {totals.events_failed:,} "
        f"failed{records}, {totals.events_in_doubt:,} in doubt, {totals.events_unprocessed:,} not sent",
    )


def _loaded(overview: Overview) -> Iterator[str]:
    if any(overview.loaded.values()):
        yield _line("loaded", stage_text(overview.loaded, has_status=overview.has_load_status))


def _doubt(overview: Overview) -> Iterator[str]:
    doubt = overview.doubt
    if doubt.safe_until is not None:
        young = doubt.count - doubt.expired
        yield _line(
            "in doubt", f"{young:,} can be sent again safely until {figures.moment(doubt.safe_until)}"
        )
    if doubt.expired:
        older = "is" if doubt.expired == 1 else "are"
        yield _line("in doubt", f"{doubt.expired:,} {older} older than the service remembers (8 hours)")


def _trouble(overview: Overview) -> Iterator[str]:
    if overview.trouble is not None:
        over = "; events were accepted since" if overview.trouble.is_over else ""
        yield _line("trouble", f"{in_one_line(overview.trouble)}{over}")


def _troubles(label: str, troubles: Sequence[FailureGroup]) -> Iterator[str]:
    for trouble in troubles:
        places = "; ".join(f"{path} row {row + 1:,}" for path, row in trouble.first)
        more = ", ..." if trouble.count > len(trouble.first) else ""
        # A row that was rejected as a whole has no column.
        kind = f"{printable(trouble.kind)}: " if trouble.kind else ""
        yield _line(label, f"{trouble.count:,} x {kind}{printable(trouble.reason, 200)}")
        yield _line("", f"first: {printable(places)}{more}")


def _relatives(overview: Overview) -> Iterator[str]:
    if overview.parent is not None:
        is_not_loaded = overview.run_dir.name.startswith(CORRECTED_NOT_LOADED_NAME)
        rows = "rows not loaded" if is_not_loaded else "rejected rows"
        yield _line("corrects", f"{rows} of the load in {printable(str(overview.parent))}")
    if overview.child is not None:
        yield _line("corrected", f"rejected rows were loaded in {printable(str(overview.child))}")
    if overview.child_not_loaded is not None:
        where = printable(str(overview.child_not_loaded))
        yield _line("corrected", f"rows not loaded were loaded in {where}")


def _steps(steps: Sequence[Step], overview: Overview) -> Iterator[str]:
    if not steps:
        done = "loaded" if overview.loaded.get("succeeded") else "delivered"
        yield _line("next", f"nothing: all is {done}")
    for position, step in enumerate(steps):
        yield _line("" if position else "next", step.why + (":" if step.command else ""))
        if step.command:
            yield f"  {printable(step.command)}"
