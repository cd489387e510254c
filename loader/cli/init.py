"""``scn-loader init``: draft a job file and mark each guess in it."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from loader.cli.options import with_file_options
from loader.cli.terminal.emulate import REHEARSAL
from loader.command_line import scn_loader
from loader.errors import SettingsError
from loader.job import DATASET_ARN, read_job
from loader.model import Operation


@with_file_options
def init(
    extract: Annotated[
        list[str],
        typer.Argument(
            help="Parquet, CSV, NDJSON or Excel files, folders or globs, or - for standard input. init reads "
            "the first file.",
        ),
    ],
    *,
    files: dict[str, Any],
    event_type: Annotated[
        str | None,
        typer.Option(
            envvar="SCN_LOADER_EVENT_TYPE",
            help="Event type, required: scn.data.* ('scn-loader datasets' lists them).",
        ),
    ] = None,
    dataset_arn: Annotated[
        str | None, typer.Option(help="Target dataset of the AWS data model, for scn.data.dataset.")
    ] = None,
    operation: Annotated[
        Operation | None, typer.Option(help="Operation on the records, for scn.data.dataset.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="JOB.toml",
            help="The job file to write. Default: the extract's name with .toml (job.toml for standard "
            "input), in this folder.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Read the start of an extract and draft a job file.

    init matches source columns to the dataset's columns by name, and fields of SAP, JD Edwards, Oracle
    E-Business Suite, Dynamics 365 and NetSuite by their meaning. It finds date formats, decimal and thousands
    marks, and words such as "Date Not Captured" in the first 20,000 rows. It marks each guess with its
    reason, and each required column that it did not find. Check the file before you load with it.

    Exit codes: 0 written; 2 refused, for example because the file exists; 9 no file or no row.
    """
    from loader.drafting import draft_job  # noqa: PLC0415 - polars is slow to import, --help is not
    from loader.report.figures import counted, printable  # noqa: PLC0415 - the same

    path = output or _default_path(extract[0])
    if os.path.lexists(path) and not force:
        raise _exists(path)
    target: dict[str, Any] = {"event_type": event_type, "dataset_arn": dataset_arn, "operation": operation}
    target |= files
    named = re.fullmatch(DATASET_ARN, dataset_arn or "")
    job = read_job(
        None,
        fallback={"instance_id": named["instance"]} if named else REHEARSAL,
        extract=extract,
        **{name: value for name, value in target.items() if value},
    )
    draft = draft_job(job, path.parent)
    _write(path, draft.text, overwrite=force)
    mapped, unused = counted(len(draft.columns), "column"), counted(len(draft.unused), "source column")
    typer.echo(f"{printable(str(path))}: {mapped} mapped, {unused} left out.")
    if draft.needed:
        typer.echo(f"Required, but not found: {', '.join(draft.needed)}.")
        typer.echo("Fill in the lines marked NEEDED, check those marked 'guess', then run:")
    else:
        typer.echo("Check the lines marked 'guess' in it, then run:")
    typer.echo(f"  {scn_loader('plan', '--job', path)}")


def _default_path(extract: str) -> Path:
    name = Path(extract).name.partition(".")[0]
    return Path("job.toml" if name in ("", "-") else f"{name}.toml")  # "-.toml" would look like a flag


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise SettingsError(
            "The job file cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name another file with --output, in a folder that exists",
        ) from error


def _exists(path: Path) -> SettingsError:
    return SettingsError(
        "The job file exists already.",
        where=str(path),
        next_step="name another file with --output, or overwrite it with --force",
    )
