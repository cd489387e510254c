"""The command that loads corrected rows."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from glob import escape
from pathlib import Path

from loader.checkpoint.file_names import NOT_LOADED_NAME, REJECTED_NAME
from loader.checkpoint.start.archiving import archived_name
from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.command_line import CommandLine
from loader.job import address_of, local_path
from loader.status.next_steps import Standing
from loader.status.overview import Overview
from loader.status.relatives import CORRECTED_NAME, CORRECTED_NOT_LOADED_NAME

NOT_AGAIN = {
    *("--restart", "--retry-failed", "--dry-run", "--in-doubt", "--run-dir"),
    *("--csv-encoding", "--csv-separator", "--shard", "--workers"),
}
"""Flags that apply to the original run only, or that the new command sets itself."""

OWN_FILES = {"--summary-json": "SCN_LOADER_SUMMARY_JSON", "--metrics-file": "SCN_LOADER_METRICS_FILE"}
"""Flags for files that a load writes, and their variables. A corrected load must not overwrite them."""

MOST_NAMED = 8
"""A command names up to this many files one by one. For more files it uses a glob pattern."""


def standing_of(overview: Overview, value_flags: Collection[str]) -> Standing:
    """Return what the next step depends on, including the commands that load corrected rows, if any.

    Args:
        overview: The load.
        value_flags: The flags of ``load`` that take a value.
    """
    if overview.plan is None or overview.totals is None:
        return overview.standing()
    typed = CommandLine.parsed(overview.plan.command) if overview.plan.command else None
    rejected = not_loaded = ""
    if overview.totals.rows_rejected:
        folder = archived_name(REJECTED_NAME, overview.load_id) if overview.is_earlier else REJECTED_NAME
        rejected = correcting_command(typed, overview.run_dir, value_flags, folder)
    if folders := not_loaded_folders(overview.run_dir, overview.load_id if overview.is_earlier else ""):
        not_loaded = correcting_command(typed, overview.run_dir, value_flags, folders[-1].name)
    return overview.standing(rejected, not_loaded)


def correcting_command(
    typed: CommandLine | None, run_dir: Path, value_flags: Collection[str], folder: str = REJECTED_NAME
) -> str:
    """Return the command line that loads the corrected rows; empty if there are no rows or it is unknown.

    It is the original command line with the corrected files as its extract and with its own run directory.

    Args:
        typed: The command line of the original load, with absolute paths; None if unknown.
        run_dir: Run directory of the load, absolute, or in S3.
        value_flags: The flags of ``load`` that take a value.
        folder: Folder with the rows: ``rejected``, ``not-loaded``, or such a folder of an earlier load.
    """
    from loader.loading.rejects import rejected_files, settings_found  # noqa: PLC0415 - polars is slow to import

    address, run_dir = address_of(run_dir), local_path(run_dir)
    files = rejected_files(run_dir, folder)
    if not files or typed is None or list(typed.arguments[:1]) != ["load"]:
        return ""
    names = [str(path) for path in files]
    if len(names) > MOST_NAMED:
        names = sorted({f"{escape(str(path.parent))}/*{path.suffix}" for path in files})
    csv_flags = [
        text
        for name, values in settings_found(run_dir, folder).items()
        for value in values
        for text in (f"--csv-{name.replace('_', '-')}", value)
    ]
    flags = [
        *_kept_flags(typed.arguments[1:], value_flags),
        *csv_flags,
        "--run-dir",
        str(run_dir / _corrected(folder)),
    ]
    line = CommandLine(["load", *names, *flags])
    for flag, variable in OWN_FILES.items():
        if value := line.value_of(flag) or os.environ.get(variable):
            line = line.having(flag, str(_beside(Path(value).absolute())))
    text = line.pasteable()
    return text if address is None else text.replace(str(run_dir), address)


def _corrected(folder: str) -> str:
    """Return the name of the run directory for the corrected rows of a folder. It has the folder's suffix."""
    if folder.startswith(REJECTED_NAME):
        return f"{CORRECTED_NAME}{folder.removeprefix(REJECTED_NAME)}"
    number = re.compile(rf"{NOT_LOADED_NAME}(-[0-9]{{1,4}}(?=-|$))?", re.ASCII)
    return f"{CORRECTED_NOT_LOADED_NAME}{number.sub('', folder, count=1)}"


def _beside(path: Path) -> Path:
    """Return another name for a file that the corrected load writes; a device keeps its name."""
    if path.exists() and not path.is_file():
        return path
    return path.with_name(f"{path.stem}-{CORRECTED_NAME}{path.suffix}")


def _kept_flags(arguments: Sequence[str], value_flags: Collection[str]) -> Iterator[str]:
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return
        if not argument.startswith("-") or argument == "-":
            continue  # the extract of the original load
        name, equals, _ = argument.partition("=")
        flag = [argument]
        if name in value_flags and not equals:
            flag += [value for value in (next(remaining, None),) if value is not None]
        if name not in NOT_AGAIN:
            yield from flag
