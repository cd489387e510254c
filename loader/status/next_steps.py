"""What to run next, as commands that run when pasted: the one opinion of summary, ``status`` and page.

Rules kept here:

1. Pure. A command is the one that was typed, with only what must change: ``--restart`` would throw
   away what was done, so it never survives into a proposal.
2. Nothing is proposed that could not help. What stopped at a limit is proposed with a higher one.
3. A command stands alone: no word of the sentence around it can become a part of it.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from loader.errors import ExitCode
from loader.report import figures
from loader.status.command_line import PROGRAM, CommandLine


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next.

    Attributes:
        why: What it is for, as the start of a line.
        command: What to run; empty if it is nothing to run.
    """

    why: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of a load, as far as the next step depends on it.

    Attributes:
        run_dir: Its run directory, absolute; empty if it has none (a dry run).
        command: The command line that was typed, or None if it is not known (a load from Python).
        correcting: The command that loads the rejected rows once they are corrected; empty if there is none.
        correcting_not_loaded: The same for rows that the service refused or did not load.
        not_loaded_in: Folder with those rows.
        corrected_in: Run directory of the load of those corrected rows, if there is one.
        exit_code: How the last run ended; None if it runs, was killed, or did not begin.
        is_running: Whether a process works on it.
        is_stopped: Whether something ended the last run before its end.
        is_dry_run: Whether nothing was to be sent.
        is_append: Whether sending an event twice adds its records twice.
        rows_rejected: Rows that could not become records.
        records_failed: Records that the service refused.
        events_failed: Events that were refused.
        events_in_doubt: Events that may have been accepted.
        doubt_expired: Those of them that the service has forgotten by now.
        safe_until: Epoch seconds until which the others can be sent again without risk, or None.
        stopped_because: What stopped the last run, in words.
        tells_loads: Whether the service tells the load status of the events.
        events_not_asked: Accepted events that the service was not asked about, or whose load has not ended.
        events_lost: Accepted events whose load failed.
        events_missing: Accepted events that the service does not know.
    """

    run_dir: str
    command: CommandLine | None = None
    correcting: str = ""
    correcting_not_loaded: str = ""
    not_loaded_in: str = ""
    corrected_in: str = ""
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
    tells_loads: bool = False
    events_not_asked: int = 0
    events_lost: int = 0
    events_missing: int = 0


_NEVER_AGAIN = ("--restart", "--dry-run")
_ENDED_BY_ITSELF = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)

_RESEND = "send them again (with APPEND a row may then be there twice)"

_WAITING = "--wait 30m"
"""A time in which most loads end; none is documented."""

LEAST_ERRORS = 100
"""A proposed limit of errors is at least this, or the next few errors would stop the load again."""


def status_step(run_dir: str) -> Step:
    """Return the step that shows the state of a load."""
    return Step("see what and why", f"{PROGRAM} status {shlex.quote(run_dir)}")


def next_steps(load: Standing) -> list[Step]:  # noqa: PLR0911 - a line per way to end
    """Return what a user can do next, the most likely first; nothing if all is done."""
    if load.is_running:
        return [Step("let it work, or interrupt it: it can be resumed")]
    if load.is_dry_run and load.exit_code in _ENDED_BY_ITSELF:
        first = "correct the rejected rows first, or send the others" if load.rows_rejected else "send it"
        return [_again(load, first)]
    if load.exit_code is ExitCode.DECISION_NEEDED or (load.is_append and load.doubt_expired):
        return [
            _again(
                load, "send them again (with APPEND a row may then be there twice)", "--in-doubt", "resend"
            ),
            _again(load, "or leave them as they are", "--in-doubt", "skip"),
        ]
    if load.exit_code is ExitCode.DELIVERED:
        return loading_steps(load)
    if load.exit_code is ExitCode.DELIVERED_WITH_FAILURES:
        return _after_failures(load)
    if load.exit_code is ExitCode.BUG:
        report = Step("report this, with the summary and the log of the run directory")
        return [report, _again(load, "go on")]
    return [_only_step(load)]


def _only_step(load: Standing) -> Step:
    match load.exit_code:
        case ExitCode.TOO_MANY_ERRORS:
            step = _with_more_errors(load)
        case ExitCode.STOPPED_RESUMABLE if not load.is_stopped and load.events_failed:
            why = "send the failed events again, then those held back behind them"
            step = _again(load, why, "--retry-failed")
        case ExitCode.STOPPED_BY_SERVICE:
            step = _again(load, "go on when the cause is gone" + _in_time(load))
        case ExitCode.NOTHING_TO_LOAD:
            step = Step("nothing, if no rows were expected; otherwise check the files and --filter")
        case ExitCode.REFUSED:
            step = _again(load, "correct what the error names, then go on")
        case _:
            step = _again(load, "go on" + _in_time(load))
    return step


def loading_steps(load: Standing) -> list[Step]:
    """Return what to do about accepted events: correct what is not loaded, ask about the rest."""
    return [*_correct_not_loaded(load), *_ask(load)]


def _correct_not_loaded(load: Standing) -> Iterator[Step]:
    if load.corrected_in:
        command = f"{PROGRAM} verify {shlex.quote(load.corrected_in)} {_WAITING}"
        yield Step("ask whether the corrected rows are loaded", command)
    elif load.correcting_not_loaded:
        why = f"correct the rows in {load.not_loaded_in}, then load them"
        yield Step(why, load.correcting_not_loaded)
    elif load.run_dir and (load.events_lost or load.events_failed):
        rejected = "rejected rows and the " if load.rows_rejected and not load.correcting else ""
        why = f"write the {rejected}rows that are not loaded to files, to correct and load them"
        yield Step(why, f"{PROGRAM} rejects {shlex.quote(load.run_dir)}")


def _ask(load: Standing) -> Iterator[Step]:
    if load.events_missing:
        why = "ask AWS support about the missing events; list their ids"
        yield Step(why, f"{PROGRAM} receipts {shlex.quote(load.run_dir)} --status missing")
    if load.tells_loads and load.events_not_asked and load.run_dir:
        why = "ask the service whether the accepted events are loaded"
        yield Step(why, f"{PROGRAM} verify {shlex.quote(load.run_dir)} {_WAITING}")


def _after_failures(load: Standing) -> list[Step]:
    steps = list(_correct_not_loaded(load))
    writes_rejected = any(step.command.startswith(f"{PROGRAM} rejects") for step in steps)
    if load.events_failed:
        first = "or send" if steps else "send"
        steps.append(_again(load, f"{first} the failed events again as they are", "--retry-failed"))
    if load.rows_rejected and load.correcting:
        where = f"{load.run_dir}/rejected"
        steps.append(Step(f"correct the rejected rows in {where}, then load them", load.correcting))
    elif load.rows_rejected and load.run_dir and not writes_rejected:
        command = f"{PROGRAM} rejects {shlex.quote(load.run_dir)}"
        steps.append(Step("write the rejected rows to files, to correct and load them", command))
    return [*steps, *_ask(load)]


def _with_more_errors(load: Standing) -> Step:
    """Propose to go on with a limit that leaves as much room again as was used."""
    per_file = "--max-errors-per-file"
    flag = per_file if per_file in load.stopped_because else "--max-errors"
    typed = load.command.value_of(flag) if load.command else None
    used = max(load.rows_rejected + load.records_failed, int(typed) if typed and typed.isdecimal() else 0)
    return _again(load, f"go on with a higher {flag}", flag, str(max(2 * used, LEAST_ERRORS)))


def _in_time(load: Standing) -> str:
    if load.safe_until is None:
        return ""
    at = figures.moment(load.safe_until)
    events = figures.counted(load.events_in_doubt - load.doubt_expired, "event")
    return f" before {at}, while {events} in doubt can be sent again without risk"


def _again(load: Standing, why: str, flag: str = "", value: str = "") -> Step:
    """Return the step that runs the same load, with a flag set."""
    if load.command is None:
        said = f" with {flag} {value}".rstrip() if flag else ""
        return Step(f"{why}: run the load again{said} in its run directory")
    line = load.command.without(*_NEVER_AGAIN)
    if flag:
        line = line.having(flag, value)
    if load.run_dir:
        line = _in_run_dir(line, load.run_dir)
    return Step(why, str(line))


def _in_run_dir(line: CommandLine, run_dir: str) -> CommandLine:
    """Name the run directory, unless it is named: the default depends on the folder and the environment."""
    if line.value_of("--run-dir") is not None:
        return line
    return replace(line, arguments=(*line.arguments, "--run-dir", run_dir))
