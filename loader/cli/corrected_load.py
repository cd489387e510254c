"""The one command that loads rejected rows again once they are corrected."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

NOT_AGAIN = {
    *("--restart", "--retry-failed", "--dry-run", "--in-doubt", "--run-dir"),
    *("--csv-encoding", "--csv-separator"),
}
"""What was for the run of then, or is said anew."""

MOST_NAMED = 8
"""Files that a command names one by one; of more it names the folder's by a pattern."""

CORRECTED_NAME = "corrected"
"""Run directory of the corrected rows, inside that of the load they were rejected by."""


def correcting_command(command: Sequence[str], run_dir: Path, value_flags: Collection[str]) -> str:
    """Return the command line that loads the corrected rows; empty if there are none or it is not known.

    It is the one that was typed, with the files in place of the extract and a run directory of its own.

    Args:
        command: The arguments that were typed after ``scn-loader``.
        run_dir: Run directory of the load.
        value_flags: The flags of ``load`` that take a value.
    """
    from loader.loading.rejects import rejected_files, settings_found  # noqa: PLC0415 - polars is slow to import

    files = rejected_files(run_dir)
    if not files or command[:1] != ["load"]:
        return ""
    names = [str(path) for path in files]
    if len(names) > MOST_NAMED:
        names = sorted({str(path.with_name(f"*{path.suffix}")) for path in files})
    told = [flag for name, value in settings_found(run_dir).items() for flag in (f"--csv-{name}", value)]
    flags = [*_kept_flags(command[1:], value_flags), *told, "--run-dir", str(run_dir / CORRECTED_NAME)]
    return shlex.join(["scn-loader", "load", *names, *flags])


def _kept_flags(arguments: Sequence[str], value_flags: Collection[str]) -> Iterator[str]:
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return
        if not argument.startswith("-") or argument == "-":
            continue  # the extract of then
        name, equals, _ = argument.partition("=")
        flag = [argument]
        if name in value_flags and not equals:
            flag += [value for value in (next(remaining, None),) if value is not None]
        if name not in NOT_AGAIN:
            yield from flag
