"""``scn-loader status``: what a run directory says, and what to run next."""

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from loader.cli.corrected_load import correcting_command
from loader.cli.load import value_flags
from loader.errors import ExitCode
from loader.report.export import export_failed, export_rejected
from loader.report.figures import printable
from loader.report.overview import LoadState, read_overview
from loader.report.overview_text import overview_text


def status(
    run_dir: Annotated[Path, typer.Argument(help="The run directory of a load.")],
    *,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write every rejected row to a CSV file: place, code, reason and value."
        ),
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every event that was not accepted to a CSV file."),
    ] = None,
) -> None:
    """Show what is done, failed, in doubt and left of a load, and what to run next.

    Works while the load runs, after a crash and years later; it changes nothing. Rows are counted from 1,
    without the header. The CSV files hold row data and are readable by you only.
    """
    overview = read_overview(run_dir, time.time())
    sys.stdout.write(overview_text(overview) + "\n")
    if overview.totals is not None and overview.totals.rows_rejected and overview.plan is not None:
        sys.stdout.write(_after_rejects(run_dir, overview.plan.command))
    for path, export, what in (
        (rejected, export_rejected, "rejected rows"),
        (failed, export_failed, "events that were not accepted"),
    ):
        if path is not None:
            typer.echo(f"{export(run_dir, path):,} {what} written to {path}")
    if overview.state in (LoadState.NONE, LoadState.UNREADABLE):
        raise typer.Exit(ExitCode.REFUSED)


def _after_rejects(run_dir: Path, command: str) -> str:
    correcting = correcting_command(shlex.split(command)[1:], run_dir, value_flags())
    if correcting:
        return f"corrected rejected rows are loaded by\n  {printable(correcting)}\n"
    return (
        f"'scn-loader rejects {shlex.quote(str(run_dir))}' writes the rejected rows to files for correction\n"
    )
