"""``scn-loader status``: show the load of a run directory, its state, and the next step."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer

from loader.checkpoint.file_names import CHECKPOINT_NAME, REJECTED_NAME
from loader.checkpoint.start.archiving import archived_name
from loader.cli.load import value_flags
from loader.cli.terminal.corrected_load import standing_of
from loader.cli.terminal.in_s3 import LocalRunDir, brought_here
from loader.cli.terminal.stdout_width import for_stdout
from loader.command_line import scn_loader
from loader.errors import CheckpointError, ExitCode, SettingsError
from loader.report.export import export_failed, export_rejected
from loader.report.figures import counted, printable
from loader.report.json_text import json_text
from loader.report.summary import code_of_loading
from loader.shards.parts import shard_folders
from loader.shards.whole import Whole, whole_load
from loader.status.earlier import earlier_text, earlier_values, read_earlier
from loader.status.listing import listing_text, loads_below
from loader.status.next_steps import Step, loading_steps, next_steps
from loader.status.overview import LoadState, Overview
from loader.status.overview_json import overview_values
from loader.status.overview_text import overview_text
from loader.status.whole_overview import overview_of, unreadable


def status(
    run_dir: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_DIR|FOLDER|CHECKPOINT",
            help="A run directory, also s3://BUCKET/PREFIX; a folder of them; or a kept checkpoint.",
        ),
    ],
    *,
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write every rejected row to a CSV file: file, row, code, reason and value."
        ),
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every event that was not accepted to a CSV file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help="Exit with the exit code of the load: 5 if it was killed, 0 while it runs."
        ),
    ] = False,
) -> None:
    """Show which load this is, what is done, failed, in doubt and left, and what to run next.

    The command works during a load, after a crash and years later. It changes nothing. Rows count from 1,
    without the header. The CSV files hold row data and are readable by you only. For a folder of run
    directories, the command lists each load.

    Exit codes: 0 shown; 2 no load was found. With --exit-code, the exit code of the load.
    """
    with brought_here(run_dir) as here:
        _status(here, rejected=rejected, failed=failed, as_json=as_json, exit_code=exit_code)


def _status(
    here: LocalRunDir,
    *,
    rejected: Path | None,
    failed: Path | None,
    as_json: bool,
    exit_code: bool,
) -> None:
    run_dir = here.path
    has_load = (run_dir / CHECKPOINT_NAME).exists() or bool(shard_folders(run_dir))
    if not (run_dir.is_file() or has_load) and (loads := loads_below(run_dir.absolute(), time.time())):
        named = (("--rejected", rejected), ("--failed", failed), ("--exit-code", exit_code))
        _refuse_for_many(run_dir, [flag for flag, value in named if value])
        _show_all(here, loads, as_json=as_json)
        return
    try:
        with _whole(run_dir) as whole:
            overview = overview_of(whole, run_dir, time.time())
            place = overview.checkpoint if whole is None else whole.place / CHECKPOINT_NAME
            # First, because an output that cannot be written must not follow a JSON object.
            is_readable = overview.state not in (LoadState.NONE, LoadState.UNREADABLE)
            written = list(_exported(place, rejected, failed)) if is_readable else []
            _show(here, overview, as_json=as_json)
            for sentence in written:
                typer.echo(sentence, err=as_json)
    except CheckpointError as problem:
        _show(here, unreadable(run_dir, problem), as_json=as_json)
        raise typer.Exit(ExitCode.REFUSED) from problem
    if overview.state is LoadState.UNREADABLE:
        raise typer.Exit(ExitCode.REFUSED)
    if exit_code:
        raise typer.Exit(_code_of(overview))


def _refuse_for_many(folder: Path, flags: Sequence[str]) -> None:
    """Refuse flags that apply to one load. Ignored, they would look like a success.

    Raises:
        SettingsError: There are such flags.
    """
    if flags:
        raise SettingsError(
            f"{' and '.join(flags)} {'needs' if len(flags) == 1 else 'need'} the run directory of one load.",
            where=str(folder.absolute()),
            why="it is a folder of run directories",
            next_step=f"name one of its loads; list them:\n{scn_loader('status', folder)}",
        )


def _whole(place: Path) -> AbstractContextManager[Whole | None]:
    return nullcontext() if place.is_file() else whole_load(place.absolute())


def _show(here: LocalRunDir, overview: Overview, *, as_json: bool) -> None:
    steps = _steps(overview)
    earlier = None if overview.is_earlier else read_earlier(overview, time.time())
    if as_json:
        values = overview_values(overview, steps, earlier_values(earlier) if earlier else None)
        _write_json(here, {**values, "runners": list(here.runners)} if here.address else values)
    else:
        text = overview_text(overview, steps, earlier_text(earlier) if earlier else "")
        lines = [here.named(text), *(f"runner    {each}" for each in here.runners)]
        sys.stdout.write(for_stdout("\n".join(lines)) + "\n")
    if overview.state is LoadState.NONE:
        raise typer.Exit(ExitCode.REFUSED)


def _exported(place: Path, rejected: Path | None, failed: Path | None) -> Iterator[str]:
    """Write the CSV files, and yield what was written."""
    for path, export, what in (
        (rejected, export_rejected, "rejected row"),
        (failed, export_failed, "event that was not accepted"),
    ):
        if path is not None:
            written = export(place, path)
            said = counted(written.rows, what) if written.rows == 1 else _many(written.rows, what)
            yield f"{said} written to {printable(str(path.absolute()))}"
            if written.escaped:
                cells = counted(written.escaped, "cell")
                yield f"{cells} got a leading apostrophe, so that spreadsheets do not run formulas"


def _many(number: int, what: str) -> str:
    first, space, rest = what.partition(" that was ")
    return f"{counted(number, first)}{' that were ' if space else ''}{rest}"


def _steps(overview: Overview) -> list[Step]:
    if overview.problem is not None:
        return [Step(overview.problem.next_step)]
    if overview.state is LoadState.NONE:
        return [Step("name a run directory, which each summary shows as 'run dir', or a folder of them")]
    if overview.is_earlier:
        return _steps_of_earlier(overview)
    return next_steps(standing_of(overview, value_flags()))


def _steps_of_earlier(overview: Overview) -> list[Step]:
    """Return the remaining steps for a load that a later load replaced in the run directory."""
    steps = []
    standing = standing_of(overview, value_flags())
    if standing.rejects_corrected_in:
        command = scn_loader("status", standing.rejects_corrected_in)
        steps.append(Step("see the load of the corrected rows", command))
    elif standing.correcting:
        folder = overview.run_dir / archived_name(REJECTED_NAME, overview.load_id)
        steps.append(Step(f"correct the rejected rows in {folder}, then load them", standing.correcting))
    if standing.correcting_not_loaded:
        steps += loading_steps(replace(standing, events_missing=0, reports_load_status=False))
    elif overview.totals is not None and overview.totals.events_failed:
        command = scn_loader("status", overview.checkpoint, "--failed", "failed.csv")
        steps.append(Step("list the failed events: load their rows again", command))
    return steps or [Step("nothing: a later load replaced it in the run directory")]


def _code_of(overview: Overview) -> int:
    if overview.state is LoadState.RUNNING:
        return 0
    end = overview.last_run
    code = ExitCode.STOPPED_RESUMABLE if end is None else ExitCode(end.exit_code)
    loaded = overview.loaded
    if code is not ExitCode.DELIVERED or loaded.get("undecided", 0) == sum(loaded.values()):
        return int(code)  # the service was not asked what it loaded
    return int(code_of_loading(loaded))


def _show_all(here: LocalRunDir, loads: list[Overview], *, as_json: bool) -> None:
    if as_json:
        _write_json(here, {"loads": [overview_values(load, _steps(load)) for load in loads]})
    else:
        sys.stdout.write(for_stdout(here.named(listing_text(loads))) + "\n")


def _write_json(here: LocalRunDir, values: object) -> None:
    sys.stdout.write(here.named(json_text(values, option=orjson.OPT_INDENT_2).decode()) + "\n")
