"""``scn-loader plan``: show what a load would do, without making a call."""

import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from loader.cli.load import value_flags
from loader.cli.options import JobFile, need_extract, with_job_options
from loader.cli.terminal.emulate import REHEARSAL
from loader.cli.terminal.in_s3 import brought_here
from loader.cli.terminal.stdout_width import for_stdout
from loader.cli.terminal.typed_command import absolute_command
from loader.errors import NothingNew, SettingsError
from loader.job import read_job
from loader.report.json_text import json_text

PLAN = "This plan"

_OWN_VALUE_FLAGS = frozenset(("--deadline", "--round-trip-ms", "--emit"))
_OWN_FLAGS = frozenset(("--values", "--no-values", "--debug"))
"""Flags that ``load`` does not have, or that a rehearsal does not need."""

LONGEST_ROUND_TRIP_MS = 3_600_000.0


@with_job_options
def plan(
    settings: dict[str, Any],
    *,
    job: JobFile = None,
    deadline: Annotated[
        str | None,
        typer.Option(
            metavar="6h|06:00",
            help="Time limit: a duration, or a time of day (its next occurrence).",
            rich_help_panel=PLAN,
        ),
    ] = None,
    round_trip_ms: Annotated[
        float,
        typer.Option(
            help="Assumed response time of one call in milliseconds.",
            min=0,
            max=LONGEST_ROUND_TRIP_MS,
            rich_help_panel=PLAN,
        ),
    ] = 100.0,
    emit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the body of every call to a new file, one per line. The file holds row data and is "
            "readable by you only.",
            rich_help_panel=PLAN,
        ),
    ] = None,
    values: Annotated[
        bool | None,
        typer.Option(
            "--values/--no-values",
            help="Show sample values before and after mapping, and the names of the largest groups. "
            "Default: only on a terminal.",
            rich_help_panel=PLAN,
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=PLAN)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Read the whole extract and plan every event, but send nothing. Show what the load would do.

    plan shows the source of each column, which rows would be rejected and why, the number of calls with this
    and other packings, the largest groups, duplicate keys, and the expected duration. It takes every setting
    of load. It does not need an AWS account; only --emit needs an instance id, for the real tokens.

    Exit codes: 0 everything would be sent; 1 some rows would be rejected; 2 the load would be refused; 8 the
    load would not end before --deadline, or within the 8 hours for which the service remembers an event; 9
    nothing to load.
    """
    from loader.preview import deadline_seconds, to_json, to_text  # noqa: PLC0415 - polars is slow to import
    from loader.preview.preview import plan as plan_load  # noqa: PLC0415 - the same

    work = read_job(job, fallback=REHEARSAL, **settings)
    need_extract(work, "plan")
    if math.isnan(round_trip_ms):  # no range excludes it
        raise SettingsError(
            "The response time cannot be used.",
            where="--round-trip-ms",
            next_step="give milliseconds, such as --round-trip-ms 100",
        )
    try:
        seconds = None if deadline is None else deadline_seconds(deadline, datetime.now().astimezone())
    except ValueError as error:
        raise SettingsError(
            "The deadline cannot be used.",
            where="--deadline",
            why=str(error),
            next_step="give a time or a duration, such as --deadline 06:00 or --deadline 8h",
        ) from error
    # Which files were delivered before is in the run directory.
    profile = work.extract_profile or work.profile
    here = nullcontext() if work.run_dir is None else brought_here(work.run_dir, profile=profile)
    try:
        with here:
            found = plan_load(
                work, deadline_seconds=seconds, round_trip_seconds=round_trip_ms / 1000, emit=emit
            )
    except NothingNew as nothing:
        _show_nothing_new(nothing, as_json=as_json)
        raise typer.Exit(nothing.exit_code) from nothing
    with_values = values if values is not None else sys.stdout.isatty() and not as_json
    if as_json:
        sys.stdout.write(to_json(found, with_values=with_values).decode())
    else:
        sys.stdout.write(for_stdout(to_text(found, with_values=with_values)) + "\n")
        if found.counts.events:
            sys.stdout.write(f"next      rehearse it on this machine:\n  {_rehearsal(work.extract)}\n")
    raise typer.Exit(found.exit_code)


def _rehearsal(extract: Sequence[str]) -> str:
    """Return the command that loads what was planned into an emulator."""
    typed = absolute_command(
        sys.argv[1:], value_flags() | _OWN_VALUE_FLAGS, extract=extract, folder=Path.cwd()
    )
    line = typed.without(*_OWN_VALUE_FLAGS, take_value=True).without(*_OWN_FLAGS).having("--emulate")
    return replace(line, arguments=("load", *line.arguments[1:])).pasteable()


def _show_nothing_new(nothing: NothingNew, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text({"nothing_new": True, "message": nothing.what, "exit_code": 0}).decode())
    else:
        typer.echo(nothing.what)
