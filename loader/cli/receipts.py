"""``scn-loader receipts``: list receipts as CSV or Parquet, for all events or for one group or row."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from loader.cli.terminal.in_s3 import brought_here
from loader.errors import ExitCode, SettingsError
from loader.report.figures import counted, printable


def receipts(
    run_dir: Annotated[Path, typer.Argument(help="The run directory of a load, also s3://BUCKET/PREFIX.")],
    *,
    group: Annotated[str | None, typer.Option(metavar="GROUP", help="Only events of this group.")] = None,
    row: Annotated[
        str | None,
        typer.Option(
            metavar="FILE:ROW", help="Only the event with this row of the extract (rows count from 1)."
        ),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="Only events of this status: accepted, succeeded, failed, in_progress, known, unknown, "
            "missing or not_accepted.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A new .csv or .parquet file. Default: print CSV."
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """List the events of a load: receipt, status, file, rows, group, token and times.

    The status is the last result of 'scn-loader verify', or 'accepted' before the first verify. The command
    reads the extract again, so the extract must still be in the same place.

    Exit codes: 0 listed; 1 no event matches; 2 refused.
    """
    from loader.verify.receipts import STATUSES, Wanted, export_receipts  # noqa: PLC0415 - polars is slow to import

    path, position = None, None
    if row is not None:
        match = re.fullmatch(r"(.+):([1-9]\d{0,15})", row, re.ASCII | re.DOTALL)
        if match is None:
            raise SettingsError(
                "The row cannot be used.",
                where="--row",
                why=f"'{row}' is not FILE:ROW",
                next_step="name a file and a row, such as --row orders.csv:8",
            )
        path, position = match[1], int(match[2])
    if status is not None and status not in STATUSES:
        raise SettingsError(
            "This status does not exist.",
            where="--status",
            why=f"'{printable(status)}' is not one of {', '.join(sorted(STATUSES))}",
            next_step="give one of these with --status, or leave it out",
        )
    with brought_here(run_dir) as here:
        count = export_receipts(here.path, Wanted(group, path, position, status), output, sys.stdout)
    if output is not None:
        typer.echo(f"{counted(count, 'event')} written to {printable(str(output))}")
    raise typer.Exit(ExitCode.DELIVERED if count else ExitCode.DELIVERED_WITH_FAILURES)
