"""``scn-loader rejects``: write rejected, refused or failed rows to files, to correct and load them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from loader.checkpoint.file_names import REJECTED_NAME
from loader.checkpoint.start.correction_folders import REASONS_NAME, not_loaded_folders
from loader.cli.load import value_flags
from loader.cli.terminal.corrected_load import standing_of
from loader.cli.terminal.in_s3 import LocalRunDir, brought_here
from loader.report.figures import counted, printable
from loader.shards.division import checkpoint_folders
from loader.status.whole_overview import read_load


def rejects(
    run_dir: Annotated[Path, typer.Argument(help="The run directory of a load, or s3://BUCKET/PREFIX.")],
) -> None:
    """Write rows of a load to files in the format of the extract, so that you can correct and load them.

    RUN_DIR/rejected has the rows that could not become records; a load writes them itself at its end.
    RUN_DIR/not-loaded has the rows of events that the service refused, or accepted but did not load; 'verify'
    writes them too. Existing files are not changed. The files hold row data and are readable by you only.
    """
    with brought_here(run_dir, changes=True) as here:
        _write(here)


def _write(here: LocalRunDir) -> None:
    from loader.loading.rejects import rejected_files, write_rejects  # noqa: PLC0415 - polars is slow to import
    from loader.verify.api import keep_refused  # noqa: PLC0415 - the same

    run_dir = here.path.absolute()
    files = write_rejects(run_dir)
    folders = checkpoint_folders(run_dir)
    refused = {folder: lost for folder in folders if (lost := keep_refused(folder)) is not None}
    if not files and not refused:
        typer.echo("No row was rejected, refused or reported as not loaded.")
        return
    if files:
        standing = standing_of(read_load(run_dir, time.time()), value_flags())
        _show(here, run_dir / REJECTED_NAME, files, standing.correcting)
    for part, lost in refused.items():
        standing = standing_of(read_load(part, time.time()), value_flags())
        if lost.left_out:
            typer.echo(
                f"{lost.left_out:,} of {counted(lost.rows, 'row')} left out: a later row of the same key was "
                "accepted"
            )
        for folder in not_loaded_folders(part)[-1:]:
            _show(here, folder, rejected_files(part, folder.name), standing.correcting_not_loaded)


def _show(here: LocalRunDir, folder: Path, files: Sequence[Path], command: str) -> None:
    for path in files:
        typer.echo(here.named(printable(str(path))))
    typer.echo(here.named(f"why: {printable(str(folder / REASONS_NAME))}"))
    then = f":\n  {printable(command)}" if command else " as an extract"
    typer.echo(here.named(f"correct them, then load them{then}"))
