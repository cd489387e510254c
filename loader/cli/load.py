"""``scn-loader load``: deliver an extract, or resume the last run."""

from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loader.cli.options import JobFile, need_extract, with_job_options
from loader.cli.terminal.command_group import ONCE
from loader.cli.terminal.emulate import REHEARSAL, emulated
from loader.cli.terminal.in_s3 import brought_here
from loader.job import Job, read_job, run_dir_of
from loader.job.panels import DESTINATION, RUN
from loader.report import LogFormat, ProgressStyle, Signs

if TYPE_CHECKING:
    from loader.aws.credentials import CredentialSource
    from loader.verify.api import Verification


@with_job_options
def load(
    settings: dict[str, Any],
    *,
    job: JobFile = None,
    emulate: Annotated[
        bool,
        typer.Option(
            "--emulate",
            help="Rehearse: start an emulator of the service on this machine and load into it.",
            rich_help_panel=DESTINATION,
        ),
    ] = False,
    summary_json: Annotated[
        Path | None,
        typer.Option(
            envvar="SCN_LOADER_SUMMARY_JSON",
            metavar="PATH",
            help="Write the closing summary to this file.",
            rich_help_panel=RUN,
        ),
    ] = None,
    metrics_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SCN_LOADER_METRICS_FILE",
            metavar="FILE",
            help="Write metrics to this file in Prometheus text format (name it *.prom for node_exporter).",
            rich_help_panel=RUN,
        ),
    ] = None,
    progress: Annotated[
        ProgressStyle,
        typer.Option(
            envvar="SCN_LOADER_PROGRESS",
            help="auto: live on a terminal, plain lines otherwise.",
            rich_help_panel=RUN,
        ),
    ] = ProgressStyle.AUTO,
    title: Annotated[
        bool,
        typer.Option(
            "--title",
            envvar="SCN_LOADER_TITLE",
            help="Show the progress in the terminal's title.",
            rich_help_panel=RUN,
        ),
    ] = False,
    bell: Annotated[
        bool,
        typer.Option(
            "--bell",
            envvar="SCN_LOADER_BELL",
            help="Ring the terminal's bell when the load ends.",
            rich_help_panel=RUN,
        ),
    ] = False,
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="[=DURATION]",
            help="After the load, ask the service for the result of each event, as 'scn-loader verify' does. "
            "With a duration, wait that long for events in progress: --verify=10m.",
            rich_help_panel=RUN,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(envvar="SCN_LOADER_LOG_FORMAT", help="Format of log lines.", rich_help_panel=RUN),
    ] = LogFormat.TEXT,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show debug logs, and tracebacks of errors.", rich_help_panel=RUN)
    ] = False,
) -> None:
    """Load an extract. After any stop, run the same command again: it resumes the load.

    Exit codes: 0 all delivered; 1 delivered, but some rows were rejected or events failed; 2 refused before
    sending; 3 too many errors; 4 stopped by the service; 5 stopped, run again; 6 events in doubt need a
    decision; 7 with --verify, some events were undecided in the end; 9 nothing to load; 130/143 interrupted,
    run again.
    """
    from loader.cli.terminal.console import Console  # noqa: PLC0415 - polars is slow to import, --help is not
    from loader.cli.terminal.output_files import OutputFiles  # noqa: PLC0415 - as above
    from loader.cli.terminal.running import run_on_terminal  # noqa: PLC0415 - as above

    work = read_job(job, fallback=REHEARSAL if emulate else {}, **settings)
    need_extract(work, "load")
    wait_seconds = None if verify is None else _wait_seconds(verify)
    with emulated(work) if emulate else nullcontext() as rehearsal:
        work, key = (work, None) if rehearsal is None else (rehearsal.job, rehearsal.key)
        asked = partial(_verification, work, wait_seconds, key, debug=debug)
        run_on_terminal(
            work,
            Console(progress, Signs(title, bell), log_format, debug),
            OutputFiles(summary_json, metrics_file),
            rehearsal=rehearsal,
            value_flags=value_flags(),
            verify=None if verify is None else asked,
        )


def _wait_seconds(verify: str) -> float | None:
    """Return how long ``--verify`` waits, or None if it asks once."""
    if verify == ONCE:
        return None
    from loader.cli.terminal.verification import duration_seconds  # noqa: PLC0415 - most loads verify nothing

    return duration_seconds(verify)


def _verification(
    job: Job, wait_seconds: float | None, credentials: "CredentialSource | None", *, debug: bool
) -> "Verification":
    from loader.cli.terminal.verification import (  # noqa: PLC0415 - most loads verify nothing
        OtherService,
        show_verification,
    )
    from loader.verify.session import VerifySettings  # noqa: PLC0415 - the same

    profile = job.extract_profile or job.profile
    with brought_here(job.run_dir or run_dir_of(job), changes=True, profile=profile) as here:
        return show_verification(
            here,
            VerifySettings(wait_seconds=wait_seconds),
            OtherService(credentials=credentials),
            value_flags(),
            debug=debug,
        )


@cache  # a live report asks again and again
def value_flags() -> frozenset[str]:
    """Return the flags of ``load`` that take a value."""
    app = typer.Typer()
    app.command()(load)
    parameters = typer.main.get_command(app).params
    # An argument has no is_flag.
    return frozenset(name for each in parameters if not getattr(each, "is_flag", True) for name in each.opts)
