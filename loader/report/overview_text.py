"""A run directory's overview as the text that ``status`` prints."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from loader.report import figures
from loader.report.figures import printable
from loader.report.overview import FailureGroup, LoadState, Overview
from loader.report.trouble import in_one_line

STATES = {
    LoadState.NONE: "no load",
    LoadState.RUNNING: "running",
    LoadState.STOPPED: "stopped before its end",
    LoadState.KILLED: "ended without a word (killed, or the machine went down)",
    LoadState.FINISHED: "finished",
    LoadState.UNREADABLE: "unreadable",
}


def overview_text(overview: Overview) -> str:
    """Return the lines a user reads, without a line end at the end."""
    lines = [_line("run", str(overview.run_dir)), _line("state", _state(overview))]
    if overview.problem is not None:
        lines.append(overview.problem.block())
    lines += _times(overview)
    lines += _counts(overview)
    lines += _doubt(overview)
    lines += _trouble(overview)
    lines += _troubles("failed", overview.failed)
    lines += _troubles("rejected", overview.rejected)
    lines.append(_line("next", overview.next_step))
    return "\n".join(lines)


def _line(label: str, text: str) -> str:
    return f"{label:<10}{text}"


def _state(overview: Overview) -> str:
    text = STATES[overview.state]
    if overview.pid:
        return f"{text} (process {overview.pid})"
    if overview.state is LoadState.STOPPED and overview.last_run is not None:
        return f"{text}: {overview.last_run.cause}"
    return text


def _times(overview: Overview) -> Iterator[str]:
    if overview.created_at is not None:
        yield _line("load", f"{overview.load_id}, begun {_utc(overview.created_at)}")
    if overview.started_at is not None:
        ended = f", ended {_utc(overview.ended_at)}" if overview.ended_at is not None else ""
        code = f", exit code {overview.last_run.exit_code}" if overview.last_run is not None else ""
        yield _line("last run", f"began {_utc(overview.started_at)}{ended}{code}")


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
    records = f" ({refused:,} records)" if refused != totals.events_failed else ""
    yield _line(
        "events",
        f"{totals.events_total:,} planned: {totals.events_accepted:,} accepted, {totals.events_failed:,} "
        f"failed{records}, {totals.events_in_doubt:,} in doubt, {totals.events_unprocessed:,} not sent",
    )


def _doubt(overview: Overview) -> Iterator[str]:
    doubt = overview.doubt
    if doubt.safe_until is not None:
        young = doubt.count - doubt.expired
        yield _line("in doubt", f"{young:,} can safely be sent again until {_utc(doubt.safe_until)}")
    if doubt.expired:
        yield _line("in doubt", f"{doubt.expired:,} are older than the service remembers (8 hours)")


def _trouble(overview: Overview) -> Iterator[str]:
    if overview.trouble is not None:
        over = "; events were accepted since" if overview.trouble.is_over else ""
        yield _line("trouble", f"{in_one_line(overview.trouble)}{over}")


def _troubles(label: str, troubles: Sequence[FailureGroup]) -> Iterator[str]:
    for trouble in troubles:
        places = "; ".join(f"{path} row {row + 1:,}" for path, row in trouble.first)
        more = ", ..." if trouble.count > len(trouble.first) else ""
        kind = printable(trouble.kind)
        yield _line(label, f"{trouble.count:,} x {kind}: {printable(trouble.reason, 200)}")
        yield _line("", f"first: {printable(places)}{more}")


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
