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
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from loader.checkpoint.verdicts import Verdict
from loader.cli.errors import show_error
from loader.cli.terminal.console import Console
from loader.cli.terminal.emulate import Rehearsal
from loader.cli.terminal.metrics_output import MetricsOutput
from loader.cli.terminal.output_files import OutputFiles
from loader.cli.terminal.stdout_width import stdout_width
from loader.cli.terminal.typed_command import absolute_command
from loader.cli.terminal.unknown_variables import warn_of_unknown_variables
from loader.command_line import CommandLine, scn_loader
from loader.errors import ExitCode, Interrupted, LoaderError, unhandled
from loader.job import Job
from loader.job.run_folder import log_dir_of
from loader.loading.api import run_to_end
from loader.loading.identity import identity_of
from loader.loading.observers import Ending, Observers
from loader.loading.opening import USUAL_PARTS
from loader.process.limits import FILES_BESIDE_CONNECTIONS
from loader.process.signals import asked_to_stop, deciding, hold, release
from loader.report import LoadSummary, Pace, Snapshot, progress_json
from loader.report.summary_file import refused_summary
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
    console: Console,
    files: OutputFiles,
    *,
    rehearsal: Rehearsal | None,
    value_flags: Collection[str],
    verify: Callable[[], "Verification"] | None = None,
) -> None:
    """Run a load, show its progress and its result, and exit with its exit code.

    Args:
        job: The settings.
        console: How the load is shown.
        files: The files that it writes beside its run directory.
        rehearsal: The rehearsal that the load is, or None.
        value_flags: The flags of ``load`` that take a value.
        verify: Asks the service what it loaded and prints the answer, after everything was sent; or None.

    Raises:
        LoaderError: The load was refused before anything was sent.
        typer.Exit: Always otherwise, with the exit code.
    """
    files.check()
    typed = _typed(job, value_flags)
    shown = _ShownLoad(job, console, files, command=typed.pasteable())
    with shown.running() as observers:
        ending = _run(job, observers, typed.pasteable(), rehearsal)
        goes_on = verify is not None and ending.summary.exit_code in _SENT and not job.dry_run
        # Write the file and the verdict first: they depend on the load alone. Then print text for people.
        if goes_on:  # signals are held since the end of the load
            files.write_summary(_asked_next(ending.summary))
        else:
            with deciding(ending.summary.exit_code):
                files.write_summary(ending.summary)
    try:
        if not goes_on:
            shown.metrics.end(ending.summary.exit_code, shown.load_id)
        _show(ending, typed, value_flags, is_asked_next=goes_on, debug=console.debug)
    except Exception as fault:  # noqa: BLE001 - the load ended as it ended
        show_error(unhandled(fault), debug=console.debug)
    if verify is None or not goes_on:
        raise typer.Exit(ending.summary.exit_code)
    with shown.metrics.refusals():
        code = _go_on_to_verify(verify, ending.summary, files)
    shown.metrics.end(code, shown.load_id)
    raise typer.Exit(code)


def _run(job: Job, observers: Observers, command: str, rehearsal: Rehearsal | None) -> Ending:
    _allow_connections(job.max_in_flight)
    _spare_the_collector()
    warn_of_unknown_variables(os.environ, type(job).model_fields)
    key = None if rehearsal is None else rehearsal.key
    if job.workers is not None and job.workers > 1 and not job.dry_run:
        from loader.runners.engines import run_shards  # noqa: PLC0415 - a load in one process needs no engine

        return run_shards(job, observers, command=command, key=None if key is None else key.current)
    return run_to_end(
        job.model_copy(update={"workers": None}),
        observers,
        command=command,
        loop_factory=_loop_factory(),
        credentials=key,
        parts=USUAL_PARTS if rehearsal is None else rehearsal.parts,
    )


def _typed(job: Job, value_flags: Collection[str]) -> CommandLine:
    typed = absolute_command(sys.argv[1:], value_flags, extract=job.extract, folder=Path.cwd())
    # /N is known from the environment of this process only.
    return typed if job.shard is None else typed.having("--shard", str(job.shard))


class _ShownLoad:
    """A load while it runs: what is known of it, and where it is shown.

    Args:
        job: The settings.
        console: How it is shown.
        files: The files that it writes beside its run directory.
        command: The command line that runs it again.

    Attributes:
        metrics: Receives its metrics.
    """

    def __init__(self, job: Job, console: Console, files: OutputFiles, *, command: str) -> None:
        self._job = job
        self._console = console
        self._files = files
        self._identity = identity_of(job.destination, is_rehearsal=job.is_rehearsal, command=command)
        self._run_dir = ""  # known once its checkpoint is open, like its id
        self._ids: dict[str, str | None] = {"load": None}
        self._display = console.display(self._progress_line)
        self._hint = console.hint(self._display)
        self._log_in_run_dir = ExitStack()
        self.metrics = MetricsOutput(job.destination, files.metrics, console.log_format)

    @property
    def load_id(self) -> str | None:
        """Its id; None before its checkpoint is open."""
        return self._ids["load"]

    @contextmanager
    def running(self) -> Iterator[Observers]:
        """Show the load until the block ends; yield its observers.

        Raises:
            LoaderError: The load was refused before its checkpoint was opened, or interrupted.
            typer.Exit: It was refused later; the error is shown.
        """
        with self._console.log(self._display, run_dir=None, ids=self._ids), self._log_in_run_dir:
            self._display.start()
            try:
                with self._refusals(), self.metrics.refusals():
                    yield Observers(watch=self._watch, opened=self._begin, leaving=self._leave)
            finally:
                self._display.stop()

    def _watch(self, snapshot: Snapshot) -> None:
        self._display.update(snapshot)
        self.metrics.update(snapshot)
        self._hint.update(snapshot, self._run_dir)

    def _begin(self, run_dir: Path, load_id: str) -> None:
        self._log_in_run_dir.close()  # a log of the unfinished load that was finished first
        self._run_dir = str(run_dir)
        self._identity = replace(self._identity, load_id=load_id)
        self._ids["load"] = load_id
        folder = log_dir_of(self._job, run_dir)
        self._log_in_run_dir.enter_context(self._console.log(None, run_dir=folder, ids=self._ids))

    def _leave(self, reason: LoaderError) -> None:
        if self._files.lacks_summary:
            self._files.write_summary(self._refused(reason))
        self._display.stop()

    def _progress_line(self, snapshot: Snapshot, pace: Pace) -> str:
        """Return progress as a JSON line."""
        return progress_json(snapshot, pace, at=time.time(), load=self.load_id)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Report a load that is refused after its checkpoint was opened, with its id."""
        try:
            yield
        except Interrupted:
            raise
        except LoaderError as error:
            if not self._run_dir:
                raise
            self._files.write_summary(self._refused(error))
            show_error(error, debug=self._console.debug, load=self.load_id)
            raise typer.Exit(error.exit_code) from error

    def _refused(self, error: LoaderError) -> LoadSummary:
        return refused_summary(error, self._run_dir, self._identity)


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
    verify: Callable[[], "Verification"], summary: LoadSummary, files: OutputFiles
) -> ExitCode:
    """Ask the service about the events, and write the summary again with the answer."""
    try:
        release()
        found = verify()
        hold()
    except LoaderError as error:
        with deciding(error.exit_code):
            files.write_summary(_stopped_by(error, summary))
        raise
    except BaseException:  # a library may replace KeyboardInterrupt by an error of its own
        if asked_to_stop() is None:
            raise
        interrupted = _interrupted(summary)
        with deciding(interrupted.exit_code):
            files.write_summary(_stopped_by(interrupted, summary))
        show_error(interrupted)
        return interrupted.exit_code
    summary = replace(summary, loaded=stage_values(found.counts))
    if found.error is not None:
        summary = _stopped_by(found.error, summary)
    with deciding(summary.exit_code):
        files.write_summary(summary)
    return summary.exit_code


def _interrupted(summary: LoadSummary) -> Interrupted:
    """Return the error for a signal that arrives when all was sent and the service has not answered yet."""
    return type(asked_to_stop() or Interrupted(""))(
        "Interrupted before the service had answered which events it loaded.",
        where=summary.run_dir,
        why="the load itself has ended",
        next_step=f"ask again:\n{scn_loader('verify', summary.run_dir)}",
    )


def _stopped_by(error: LoaderError, summary: LoadSummary) -> LoadSummary:
    return replace(summary, stopped_by=error.exit_code, stopped_because=error.what)


def _correcting(summary: LoadSummary, typed: CommandLine, value_flags: Collection[str]) -> str:
    if not summary.rows_rejected:
        return ""
    from loader.cli.terminal.corrected_load import correcting_command  # noqa: PLC0415 - most loads reject no row

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
