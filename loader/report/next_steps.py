"""What to run after a load, as commands that can be pasted.

Rules kept here:

1. Pure. A command is the one that was typed, with only what must change: ``--restart`` would throw
   away what was done, so it never survives into a proposal.
2. Nothing is proposed that could not help.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import ExitCode
from loader.report.summary import LoadSummary


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next.

    Attributes:
        why: What it is for, as the start of a line.
        command: What to run; empty if it is nothing to run.
    """

    why: str
    command: str = ""


_GO_ON = {
    ExitCode.STOPPED_BY_SERVICE: "go on when the cause is gone",
    ExitCode.STOPPED_RESUMABLE: "go on",
    ExitCode.INTERRUPTED: "go on",
    ExitCode.TERMINATED: "go on",
}
_ENDED_BY_ITSELF = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)
_NEVER_AGAIN = ("--restart", "--dry-run")


def next_steps(summary: LoadSummary, command: Sequence[str] = (), correcting: str = "") -> list[Step]:
    """Return what a user can do next, the most likely first; nothing if all is done.

    Args:
        summary: How the load ended.
        command: The arguments that were typed after ``scn-loader``; empty if they are not known.
        correcting: The command that loads the rejected rows once they are corrected; empty if there is none.
    """
    look = Step("see what and why", f"scn-loader status {shlex.quote(summary.run_dir)}")
    again = _again(summary, command)
    if summary.dry_run and summary.exit_code in _ENDED_BY_ITSELF:
        first = "correct the rejected rows first, or send the others" if summary.rows_rejected else "send it"
        return [Step(first, again)]
    match summary.exit_code:
        case ExitCode.DELIVERED:
            steps = []
        case ExitCode.DELIVERED_WITH_FAILURES:
            steps = [look, *_after_failures(summary, command, correcting)]
        case ExitCode.DECISION_NEEDED:
            resend, skip = (_again(summary, command, "--in-doubt", choice) for choice in ("resend", "skip"))
            resend_step = Step("send them again (with APPEND a row may then be there twice)", resend)
            steps = [look, resend_step, Step("or leave them as they are", skip)]
        case ExitCode.TOO_MANY_ERRORS:
            steps = [
                look,
                Step("go on, with a higher --max-errors or --max-errors-per-file than before", again),
            ]
        case ExitCode.STOPPED_RESUMABLE if summary.stopped_by is None and summary.events_failed:
            retry = _again(summary, command, "--retry-failed")
            steps = [look, Step("send the failed events again, then those held back behind them", retry)]
        case code if code in _GO_ON:
            steps = [Step(_GO_ON[code], again)]
        case ExitCode.BUG:
            steps = [look, Step("report this, with the summary and the log of the run directory")]
        case _:
            steps = [Step("check the extract and the settings, then run the command again")]
    return steps


def _after_failures(summary: LoadSummary, command: Sequence[str], correcting: str) -> list[Step]:
    steps = []
    if summary.events_failed:
        steps.append(Step("send the failed events again", _again(summary, command, "--retry-failed")))
    if summary.rows_rejected and correcting:
        steps.append(Step("correct the rejected rows in its folder 'rejected', then load them", correcting))
    elif summary.rows_rejected:
        steps.append(Step("correct the rejected rows and load them as an extract of their own"))
    return steps


def _again(summary: LoadSummary, command: Sequence[str], flag: str = "", value: str = "") -> str:
    """Return the command for the same load, with a flag set."""
    arguments = _without(command or ("load", "..."), *_NEVER_AGAIN)
    if flag:
        arguments = [*_without(arguments, flag, takes_value=bool(value)), flag, *([value] if value else [])]
    if summary.run_dir and not any(argument.partition("=")[0] == "--run-dir" for argument in arguments):
        arguments += ["--run-dir", summary.run_dir]
    return shlex.join(["scn-loader", *arguments])


def _without(arguments: Sequence[str], *flags: str, takes_value: bool = False) -> list[str]:
    kept: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, _ = argument.partition("=")
        if name not in flags:
            kept.append(argument)
        elif takes_value and not equals:
            next(remaining, None)
    return kept
