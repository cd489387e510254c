"""The first line of the closing block: how the load ended, and why it stopped."""

from loader.errors import ExitCode
from loader.report import figures
from loader.report.summary import LoadSummary


def headline(summary: LoadSummary) -> str:
    """Return the outcome of a load as one sentence."""
    cause = f": {figures.printable(summary.stopped_because).rstrip('.')}" if summary.stopped_because else ""
    return f"{_ending(summary)}{cause}."


def _ending(summary: LoadSummary) -> str:
    match summary.exit_code:
        case ExitCode.DELIVERED if summary.nothing_new:
            text = "Nothing new: every file was delivered before; nothing was sent"
        case ExitCode.DELIVERED if summary.dry_run:
            text = (
                f"Dry run: {figures.counted(summary.events_total, 'event')} would be sent; nothing was sent"
            )
        case ExitCode.DELIVERED:
            total = summary.events_total
            events = "the event was" if total == 1 else f"all {figures.count(total)} events were"
            text = f"Done: {events} accepted" + " before; nothing was sent" * (summary.end == "nothing_new")
        case ExitCode.DELIVERED_WITH_FAILURES if summary.end == "none_delivered":
            text = _none_delivered(summary)
        case ExitCode.DELIVERED_WITH_FAILURES:
            text = f"{'Dry run' if summary.dry_run else 'Done'}, but with {_failures(summary)}"
        case ExitCode.DECISION_NEEDED if summary.events_in_doubt:
            doubt = figures.counted(summary.events_in_doubt, "event")
            text = f"Your decision is needed: {doubt} may or may not have been accepted"
        case ExitCode.STOPPED_RESUMABLE if summary.stopped_by is None:
            text = f"Ended with {figures.counted(summary.events_unprocessed, 'event')} not sent"
        case ExitCode.BUG if summary.violations():
            text = "The counts of this load do not add up: do not rely on it"
        case code:
            text = _STOPPED[code]
    return text


_STOPPED = {
    ExitCode.REFUSED: "Refused before anything was sent",
    ExitCode.TOO_MANY_ERRORS: "Stopped: error limit exceeded",
    ExitCode.STOPPED_BY_SERVICE: "Stopped by the service",
    ExitCode.STOPPED_RESUMABLE: "Stopped before the end; the load can be resumed",
    ExitCode.DECISION_NEEDED: "Your decision is needed",
    ExitCode.UNDECIDED: "Time is up; some events are not decided",
    ExitCode.PLAN_DOES_NOT_FIT: "The plan does not fit",
    ExitCode.NOTHING_TO_LOAD: "Nothing to load",
    ExitCode.BUG: "Stopped by a bug of scn-loader",
    ExitCode.INTERRUPTED: "Interrupted; the load can be resumed",
    ExitCode.TERMINATED: "Terminated; the load can be resumed",
}


def _none_delivered(summary: LoadSummary) -> str:
    """Return the headline of a load that delivered no row. The usual cause is a wrong mapping."""
    if summary.records:
        return f"Nothing was delivered: {_failures(summary)}"
    if summary.rejected_because and summary.rows_rejected > 1:
        because = figures.printable(summary.rejected_because)
        return f"Nothing was delivered: the mapping looks wrong. {_failures(summary)}, each for: {because}"
    return f"Nothing was delivered: {_failures(summary)}; check the mapping: no row fits it"


def _failures(summary: LoadSummary) -> str:
    parts = []
    if summary.rows_rejected:
        parts.append(f"{figures.counted(summary.rows_rejected, 'rejected row')}")
    if summary.events_failed:
        records = (
            f" ({figures.counted(summary.records_failed, 'record')})"
            if summary.records_failed > summary.events_failed
            else ""
        )
        parts.append(f"{figures.counted(summary.events_failed, 'failed event')}{records}")
    return " and ".join(parts)
