"""``scn-loader plan``: what a load would come to, before a single call is made."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from loader.cli.options import JobFile, need_extract, with_job_options
from loader.cli.terminal.emulate import REHEARSAL
from loader.errors import NothingNew, SettingsError
from loader.job import read_job

PLAN = "This plan"


@with_job_options
def plan(
    settings: dict[str, Any],
    *,
    job: JobFile = None,
    deadline: Annotated[
        str | None,
        typer.Option(
            metavar="6h|06:00",
            help="The time there is: a duration, or the next time the clock shows this.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    round_trip_ms: Annotated[
        float,
        typer.Option(help="Milliseconds that one call is assumed to take.", min=0, rich_help_panel=PLAN),
    ] = 100.0,
    emit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the body of every call to a new file, one a line; it holds row data, so only you may "
            "read it.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    values: Annotated[
        bool | None,
        typer.Option(
            "--values/--no-values",
            help="Show some values before and after, and the names of the largest groups. "
            "Default: only on a terminal.",
            rich_help_panel=PLAN,
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print it as JSON, for machines.", rich_help_panel=PLAN)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Read the whole extract, plan every event, send nothing, and say what the load would come to.

    Which columns feed which, which rows would be rejected and why, how many calls it takes and how many with
    another packing, which groups are long, which keys come twice, how long it should take. Takes every
    setting of load. Needs no AWS account; an instance id only to write down the real tokens with --emit.

    Exit codes: 0 everything would be sent; 1 some rows would be rejected; 2 the load would be refused; 8 it
    would not end before --deadline, or within the 8 hours that the service remembers an event; 9 nothing to
    load.
    """
    from loader.preview import deadline_seconds, to_json, to_text  # noqa: PLC0415 - polars is slow to import
    from loader.preview.preview import plan as plan_load  # noqa: PLC0415 - the same

    work = read_job(job, fallback=REHEARSAL, **settings)
    need_extract(work, "plan")
    try:
        seconds = None if deadline is None else deadline_seconds(deadline, datetime.now().astimezone())
    except ValueError as error:
        raise SettingsError("The deadline cannot be used.", where="--deadline", why=str(error)) from error
    try:
        found = plan_load(work, deadline_seconds=seconds, round_trip_seconds=round_trip_ms / 1000, emit=emit)
    except NothingNew as nothing:
        typer.echo(nothing.what)
        raise typer.Exit(nothing.exit_code) from nothing
    with_values = values if values is not None else sys.stdout.isatty() and not as_json
    if as_json:
        sys.stdout.write(to_json(found, with_values=with_values).decode())
    else:
        sys.stdout.write(to_text(found, with_values=with_values) + "\n")
    raise typer.Exit(found.exit_code)
