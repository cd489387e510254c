"""``scn-loader rejects``: the rejected rows of a load, as files to correct and load."""

import time
from pathlib import Path
from typing import Annotated

import typer

from loader.checkpoint.schema import REJECTED_NAME
from loader.cli.load import value_flags
from loader.cli.terminal.corrected_load import correcting_of
from loader.report.figures import printable
from loader.status.overview import read_overview


def rejects(run_dir: Annotated[Path, typer.Argument(help="The run directory of a load.")]) -> None:
    """Write the rejected rows of a load to files of the extract's own format, to be corrected and loaded.

    A load does this by itself at its end; this is for one that was killed just then. Files that are there
    already are left as they are. They hold row data and are readable by you only.
    """
    from loader.loading.rejects import REASONS_NAME, write_rejects  # noqa: PLC0415 - polars is slow to import

    run_dir = run_dir.absolute()
    files = write_rejects(run_dir)
    if not files:
        typer.echo("No row was rejected.")
        return
    for path in files:
        typer.echo(printable(str(path)))
    typer.echo(f"why: {printable(str(run_dir / REJECTED_NAME / REASONS_NAME))}")
    command = correcting_of(read_overview(run_dir, time.time()), value_flags())
    typer.echo(
        "correct them, then load them" + (f":\n  {printable(command)}" if command else " as an extract")
    )
