"""Run a load on a terminal: its progress, its log, its summary and its exit code."""

import asyncio
import gc
import os
import resource
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from loader.aws.credentials import CredentialSource
from loader.checkpoint.verdicts import Verdict
from loader.cli.errors import show_error
from loader.cli.terminal.corrected_load import correcting_command
from loader.cli.terminal.live_hint import LiveHint
from loader.cli.terminal.metrics_output import MetricsOutput
from loader.cli.terminal.output_files import check_outputs, write_summary
from loader.cli.terminal.stdout_width import stdout_width
from loader.cli.terminal.typed_command import absolute_command
from loader.cli.terminal.unknown_variables import warn_of_unknown_variables
from loader.command_line import CommandLine
from loader.errors import ExitCode, Interrupted, LoaderError, unhandled
from loader.job import Job
from loader.job.run_folder import log_dir_of
from loader.loading.api import run_to_end
from loader.loading.identity import identity_of
from loader.loading.observers import Ending, Observers
from loader.process.limits import FILES_BESIDE_CONNECTIONS
from loader.process.signals import deciding
from loader.process.summary_place import is_summary_missing
from loader.report import (
    LoadSummary,
    LogFormat,
    Pace,
    ProgressStyle,
    Signs,
    Snapshot,
    log_to,
    make_display,
    plain_line,
    progress_json,
    with_signs,
)
from loader.report.identity import LoadIdentity
from loader.report.summary_file import refused_summary
from loader.runners.engines import run_shards
from loader.status.closing_block import to_text
from loader.status.loaded_stage import stage_values

if TYPE_CHECKING:
    from loader.verify.api import Verification

_SENT = (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)
"""Exit codes of a load that has no events left to send."""

ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
"""Python's garbage collector runs after every 700 allocations by default. The objects of an event do not form
cycles, so these runs find nothing."""


def run_on_terminal(
    job: Job,
    *,
    credentials: CredentialSource | None,
    summary_json: Path | None,
    metrics_file: Path | None,
    progress: ProgressStyle,
    signs: Signs,
    log_format: LogFormat,
    debug: bool,
    value_flags: Collection[str],
    verify: Callable[[], "Verification"] | None = None,
) -> None:
    """Run a load, show its progress and its result, and exit with its exit code.

    Args:
        job: The settings.
        credentials: Credentials used for signing; looked up if not given.
        summary_json: Where to write the summary, if anywhere. It is also written for a refused load, so that
            a scheduler does not read the summary of an earlier load.
        metrics_file: Where to write metrics, if anywhere.
        progress: How progress is shown.
        signs: Other signs on the terminal: title and bell.
        log_format: Format of the log lines.
        debug: Whether to log debug lines.
        value_flags: The flags of ``load`` that take a value.
        verify: Asks the service what it loaded and prints the answer, after everything was sent; or None.

    Raises:
        LoaderError: The load was refused before anything was sent.
        typer.Exit: Always otherwise, with the exit code.
    """
    check_outputs(summary_json, metrics_file)
    typed = _typed(job, value_flags)
    opened = _Opened(identity_of(job.destination, is_rehearsal=job.is_rehearsal, command=typed.pasteable()))
    display = make_display(
        progress, sys.stderr, line=opened.progress_line if log_format is LogFormat.JSON else plain_line
    )
    display = with_signs(display, sys.stderr, signs)
    metrics = MetricsOutput(job.destination, metrics_file, log_format)

    is_live = progress is ProgressStyle.AUTO and log_format is LogFormat.TEXT and sys.stderr.isatty()
    hint = LiveHint(display, is_wanted=is_live)

    def watch(snapshot: Snapshot) -> None:
        display.update(snapshot)
        metrics.update(snapshot)
        hint.update(snapshot, opened.run_dir)

    with ExitStack() as stack:
        logs = partial(log_to, log_format=log_format, ids=opened.ids, debug=debug)
        stack.enter_context(logs(display.message, run_dir=None))
        in_run_dir = stack.enter_context(ExitStack())

        def log_in_run_dir(run_dir: Path, load_id: str) -> None:
            in_run_dir.close()  # a log of the unfinished load that was finished first
            opened.begin(run_dir, load_id)
            in_run_dir.enter_context(logs(None, run_dir=log_dir_of(job, run_dir)))

        def leave(reason: LoaderError) -> None:
            if summary_json is not None and is_summary_missing(summary_json):
                write_summary(refused_summary(reason, opened.run_dir, opened.identity), summary_json)
            display.stop()

        _allow_connections(job.max_in_flight)
        _spare_the_collector()
        display.start()
        stack.callback(display.stop)
        stack.enter_context(_refusals(opened, summary_json, debug=debug))
        stack.enter_context(metrics.refusals())
        observers = Observers(watch=watch, opened=log_in_run_dir, leaving=leave)
        ending = _run(job, observers, typed.pasteable(), credentials)
        goes_on = verify is not None and ending.summary.exit_code in _SENT and not job.dry_run
        # Write the file and the verdict first: they depend on the load alone. Then print text for people.
        with deciding(None if goes_on else ending.summary.exit_code):
            if summary_json is not None:
                first = _asked_next(ending.summary) if goes_on else ending.summary
                write_summary(first, summary_json)
    try:
        if not goes_on:
            metrics.end(ending.summary.exit_code, opened.ids["load"])
        _show(ending, typed, value_flags, is_asked_next=goes_on, debug=debug)
    except Exception as fault:  # noqa: BLE001 - the load ended as it ended
        show_error(unhandled(fault), debug=debug)
    if verify is None or not goes_on:
        raise typer.Exit(ending.summary.exit_code)
    with metrics.refusals():
        code = _go_on_to_verify(verify, ending.summary, summary_json)
    metrics.end(code, opened.ids["load"])
    raise typer.Exit(code)


def _run(job: Job, observers: Observers, command: str, credentials: CredentialSource | None) -> Ending:
    warn_of_unknown_variables(os.environ, type(job).model_fields)
    if job.workers is not None and job.workers > 1 and not job.dry_run:
        return run_shards(
            job, observers, command=command, key=None if credentials is None else credentials.current
        )
    return run_to_end(
        job.model_copy(update={"workers": None}),
        observers,
        command=command,
        loop_factory=_loop_factory(),
        credentials=credentials,
    )


def _typed(job: Job, value_flags: Collection[str]) -> CommandLine:
    typed = absolute_command(sys.argv[1:], value_flags, extract=job.extract, folder=Path.cwd())
    # /N is known from the environment of this process only.
    return typed if job.shard is None else typed.having("--shard", str(job.shard))


class _Opened:
    """What is known of the running load. Its id is known once its checkpoint is open.

    Attributes:
        identity: What distinguishes it from other loads.
        run_dir: Its run directory; empty before the checkpoint is open.
        ids: The ids on every log line.
    """

    def __init__(self, identity: LoadIdentity) -> None:
        self.identity = identity
        self.run_dir = ""
        self.ids: dict[str, str | None] = {"load": None}

    def begin(self, run_dir: Path, load_id: str) -> None:
        """Set the run directory and the id of the load."""
        self.run_dir = str(run_dir)
        self.identity = replace(self.identity, load_id=load_id)
        self.ids["load"] = load_id

    def progress_line(self, snapshot: Snapshot, pace: Pace) -> str:
        """Return progress as a JSON line."""
        return progress_json(snapshot, pace, at=time.time(), load=self.ids["load"])


@contextmanager
def _refusals(opened: _Opened, summary_json: Path | None, *, debug: bool) -> Iterator[None]:
    """Report a load that is refused after its checkpoint was opened, with its id.

    Raises:
        typer.Exit: The load was refused; the error is shown.
    """
    try:
        yield
    except Interrupted:
        raise
    except LoaderError as error:
        if not opened.run_dir:
            raise
        if summary_json is not None:
            write_summary(refused_summary(error, opened.run_dir, opened.identity), summary_json)
        show_error(error, debug=debug, load=opened.ids["load"])
        raise typer.Exit(error.exit_code) from error


def _show(
    ending: Ending, typed: CommandLine, value_flags: Collection[str], *, is_asked_next: bool, debug: bool
) -> None:
    if ending.error is not None and not isinstance(ending.error, Interrupted):
        show_error(ending.error, debug=debug, load=ending.summary.identity.load_id or None)
    if ending.summary.before is not None:
        typer.echo(to_text(ending.summary.before, typed, width=stdout_width()) + "\n")
    correcting = _correcting(ending.summary, typed, value_flags)
    typer.echo(to_text(ending.summary, typed, correcting, is_asked_next=is_asked_next, width=stdout_width()))


def _asked_next(summary: LoadSummary) -> LoadSummary:
    """Return the summary to keep until the service has answered. It stays if the process is killed."""
    return replace(summary, loaded=stage_values({Verdict.UNDECIDED: summary.events_accepted}))


def _go_on_to_verify(
    verify: Callable[[], "Verification"], summary: LoadSummary, summary_json: Path | None
) -> ExitCode:
    """Ask the service about the events, and write the summary again with the answer."""
    try:
        found = verify()
    except LoaderError as error:
        if summary_json is not None:
            write_summary(_stopped_by(error, summary), summary_json)
        raise
    summary = replace(summary, loaded=stage_values(found.counts))
    if found.error is not None:
        summary = _stopped_by(found.error, summary)
    with deciding(summary.exit_code):
        if summary_json is not None:
            write_summary(summary, summary_json)
    return summary.exit_code


def _stopped_by(error: LoaderError, summary: LoadSummary) -> LoadSummary:
    return replace(summary, stopped_by=error.exit_code, stopped_because=error.what)


def _correcting(summary: LoadSummary, typed: CommandLine, value_flags: Collection[str]) -> str:
    if not summary.rows_rejected:
        return ""
    return correcting_command(typed, Path(summary.run_dir), value_flags)


def _allow_connections(connections: int) -> None:
    """Raise this process's limit on open files (often 1,024): each connection uses one."""
    wanted = connections + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _spare_the_collector() -> None:
    """Exclude imported objects from garbage collection, and collect the others rarely."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - does not exist on Windows

    return uvloop.new_event_loop
