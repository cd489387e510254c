"""What to run next. Summary, ``status`` and page all take their proposals from here.

Rules kept here:

1. Pure. A proposed command is the user's own command line with the fewest possible changes. It never contains
   ``--restart``, because that would discard what is done.
2. A proposal must be able to help. A load that stopped at a limit is proposed with a higher limit.
3. A command is a field of its own, apart from the sentence around it, so that it runs when pasted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from loader.command_line import CommandLine, scn_loader
from loader.errors import ExitCode
from loader.report import figures


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next.

    Attributes:
        why: Its purpose, as the start of a line.
        command: What to run; empty if the step is not a command.
    """

    why: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a load that the next step depends on.

    Attributes:
        run_dir: Its run directory, absolute; empty for a dry run, which has no run directory.
        command: The command line that the user typed, or None if unknown (a load from Python).
        correcting: The command that loads the corrected rows; empty if there are no rejected rows.
        correcting_not_loaded: The same for rows that the service refused or did not load.
        not_loaded_in: Folder with those rows.
        corrected_in: Run directory of the load of those corrected rows, if it exists.
        rejects_corrected_in: The same for the rejected rows; empty if rows were rejected after it.
        exit_code: Exit code of the last run; None if it runs, was killed, or did not begin.
        is_running: Whether a process works on it.
        is_stopped: Whether an error or a signal ended the last run early.
        is_dry_run: Whether the load was a dry run, which sends nothing.
        is_append: Whether an event that is sent twice adds its records twice.
        rows_rejected: Rows that could not become records.
        records_failed: Records that the service refused.
        events_failed: Events that were refused.
        events_in_doubt: Events that may have been accepted.
        doubt_expired: Those in doubt that the service has forgotten by now.
        safe_until: Epoch seconds until which the others can be sent again without risk, or None.
        stopped_because: The reason why the last run stopped.
        reports_load_status: Whether the service reports a load status for the events.
        events_not_asked: Accepted events that were not verified, or whose load has not ended.
        events_lost: Accepted events whose load failed.
        events_missing: Accepted events that the service does not know.
        lists_receipts: Whether its receipts can be listed: not with --live-schema.
    """

    run_dir: str
    command: CommandLine | None = None
    correcting: str = ""
    correcting_not_loaded: str = ""
    not_loaded_in: str = ""
    corrected_in: str = ""
    rejects_corrected_in: str = ""
    exit_code: ExitCode | None = None
    is_running: bool = False
    is_stopped: bool = False
    is_dry_run: bool = False
    is_append: bool = False
    rows_rejected: int = 0
    records_failed: int = 0
    events_failed: int = 0
    events_in_doubt: int = 0
    doubt_expired: int = 0
    safe_until: float | None = None
    stopped_because: str = ""
    reports_load_status: bool = False
    events_not_asked: int = 0
    events_lost: int = 0
    events_missing: int = 0
    lists_receipts: bool = True


_NEVER_AGAIN = ("--restart", "--dry-run")
_ENDED_BY_ITSELF = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)

_RESEND = "send them again (with APPEND, rows may then exist twice)"

_WAITING = ("--wait", "30m")
"""Long enough for most loads of events. The service does not document a time."""

LEAST_ERRORS = 100
"""Minimum for a proposed error limit. With a lower one, a few more errors would stop the load again."""


def status_step(run_dir: str) -> Step:
    """Return the step that shows the state of a load."""
    return Step("see the details", scn_loader("status", run_dir))


def next_steps(load: Standing) -> list[Step]:  # noqa: PLR0911 - a line per way to end
    """Return what a user can do next, the most important step first; empty if all is done."""
    if load.is_running:
        return [Step("wait for it, or interrupt it: it can be resumed")]
    if load.is_dry_run and load.exit_code in _ENDED_BY_ITSELF:
        first = "correct the rejected rows first, or send the others" if load.rows_rejected else "send it"
        return [_again(load, first)]
    if load.exit_code is ExitCode.DECISION_NEEDED or (load.is_append and load.doubt_expired):
        return [
            _again(load, _RESEND, "--in-doubt", "resend"),
            _again(load, "or do not send them again", "--in-doubt", "skip"),
        ]
    if load.exit_code is ExitCode.DELIVERED:
        return loading_steps(load)
    if load.exit_code is ExitCode.DELIVERED_WITH_FAILURES:
        return _after_failures(load)
    if load.exit_code is ExitCode.BUG:
        report = Step("report this bug with the summary and the log in the run directory")
        return [report, _again(load, "resume the load")]
    return [_only_step(load)]


def _only_step(load: Standing) -> Step:
    match load.exit_code:
        case ExitCode.TOO_MANY_ERRORS:
            step = _with_more_errors(load)
        case ExitCode.STOPPED_RESUMABLE if not load.is_stopped and load.events_failed:
            why = "send the failed events again, then the events held back behind them"
            step = _again(load, why, "--retry-failed")
        case ExitCode.STOPPED_BY_SERVICE:
            step = _again(load, "resume when the cause is fixed" + _in_time(load))
        case ExitCode.NOTHING_TO_LOAD:
            step = Step("nothing, if no rows were expected; otherwise check the files and --filter")
        case ExitCode.REFUSED:
            step = _again(load, "correct what the error names, then resume")
        case _:
            step = _again(load, "resume the load" + _in_time(load))
    return step


def loading_steps(load: Standing) -> list[Step]:
    """Return the steps for accepted events: correct those not loaded, then verify the others."""
    return [*_correct_not_loaded(load), *_ask(load)]


def _correct_not_loaded(load: Standing) -> Iterator[Step]:
    if load.corrected_in:
        command = scn_loader("verify", load.corrected_in, *_WAITING)
        yield Step("ask whether the corrected rows are loaded", command)
    elif load.correcting_not_loaded:
        why = f"correct the rows in {load.not_loaded_in}, then load them"
        yield Step(why, load.correcting_not_loaded)
    elif load.run_dir and (load.events_lost or load.events_failed):
        rejected = "rejected rows and the " if load.rows_rejected and not load.correcting else ""
        why = f"write the {rejected}rows that are not loaded to files, to correct and load them"
        yield Step(why, _writing_rows(load))


def _ask(load: Standing) -> Iterator[Step]:
    if load.events_missing:
        if load.lists_receipts:
            why = "list the ids of the missing events, to ask AWS support about them"
            yield Step(why, scn_loader("receipts", load.run_dir, "--status", "missing"))
        else:
            yield Step("ask AWS support about the missing events")
    if load.reports_load_status and load.events_not_asked and load.run_dir:
        why = "ask the service whether the accepted events are loaded"
        yield Step(why, scn_loader("verify", load.run_dir, *_WAITING))


def _after_failures(load: Standing) -> list[Step]:
    steps = list(_correct_not_loaded(load))
    writes_rejected = any(step.command == _writing_rows(load) for step in steps)
    if load.events_failed:
        first = "or send" if steps else "send"
        steps.append(_again(load, f"{first} the failed events again as they are", "--retry-failed"))
    if load.rows_rejected and load.rejects_corrected_in:
        steps.append(_seeing_corrected(load))
    elif load.rows_rejected and load.correcting:
        where = f"{load.run_dir}/rejected"
        steps.append(Step(f"correct the rejected rows in {where}, then load them", load.correcting))
    elif load.rows_rejected and load.run_dir and not writes_rejected:
        why = "write the rejected rows to files, to correct and load them"
        steps.append(Step(why, _writing_rows(load)))
    return [*steps, *_ask(load)]


def _seeing_corrected(load: Standing) -> Step:
    return Step("see the load of the corrected rows", scn_loader("status", load.rejects_corrected_in))


def _writing_rows(load: Standing) -> str:
    return scn_loader("rejects", load.run_dir)


def _with_more_errors(load: Standing) -> Step:
    """Propose to resume with an error limit twice as high as the errors so far."""
    per_file = "--max-errors-per-file"
    flag = per_file if per_file in load.stopped_because else "--max-errors"
    typed = load.command.value_of(flag) if load.command else None
    used = max(load.rows_rejected + load.records_failed, int(typed) if typed and typed.isdecimal() else 0)
    return _again(load, f"resume with a higher {flag}", flag, str(max(2 * used, LEAST_ERRORS)))


def _in_time(load: Standing) -> str:
    if load.safe_until is None:
        return ""
    at = figures.moment(load.safe_until)
    events = figures.counted(load.events_in_doubt - load.doubt_expired, "event")
    return f" before {at}, while {events} in doubt can be sent again without risk"


def _again(load: Standing, why: str, flag: str = "", value: str = "") -> Step:
    """Return the step that runs the same load again, with a flag set."""
    if load.command is None:
        said = f" with {flag} {value}".rstrip() if flag else ""
        return Step(f"{why}: run the load again{said} in its run directory")
    line = load.command.without(*_NEVER_AGAIN)
    if flag:
        line = line.having(flag, value)
    if load.run_dir:
        line = line.in_run_dir(load.run_dir)
    return Step(why, line.pasteable())
