"""The command line that the user typed, changed so that it runs the same load from any folder."""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from loader.command_line import CommandLine, absolute_path
from loader.job import address_of
from loader.job.sections import STANDARD_INPUT, located

PATH_FLAGS = {"--job", "--run-dir", "--summary-json", "--metrics-file"}
"""Flags whose value is a path."""


def absolute_command(
    arguments: Sequence[str], value_flags: Collection[str], *, extract: Sequence[str], folder: Path
) -> CommandLine:
    """Return what was typed after ``scn-loader``, with absolute paths and without ``--restart``.

    ``--`` is left out: no absolute path looks like a flag, and flags may be added to the line.

    Args:
        arguments: What was typed.
        value_flags: The flags that take a value.
        extract: The job's extract, from the command line or the job file.
        folder: The working folder.
    """
    reads_input = STANDARD_INPUT in extract
    line = CommandLine(
        tuple(_absolute(arguments, value_flags, folder)),
        reads_input=reads_input,
        input_path=_redirected() if reads_input else "",
    )
    return line.without("--restart")


def _absolute(arguments: Sequence[str], value_flags: Collection[str], folder: Path) -> Iterator[str]:
    yield from arguments[:1]  # the command
    remaining = iter(arguments[1:])
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if argument == "--":
            yield from (located(each, folder) for each in remaining)
        elif not argument.startswith("-") or argument == STANDARD_INPUT:
            yield located(argument, folder)
        elif name in PATH_FLAGS and equals:
            yield f"{name}={_located_path(value, folder)}"
        elif name in value_flags and not equals:
            yield argument
            yield from (
                _located_path(each, folder) if name in PATH_FLAGS else each for each in _one(remaining)
            )
        else:
            yield argument


def _located_path(value: str, folder: Path) -> str:
    """Return an absolute path; a run directory in S3 has one address for all machines."""
    return address_of(Path(value)) or str(absolute_path(folder / value))


def _one(remaining: Iterator[str]) -> Iterator[str]:
    following = next(remaining, None)
    if following is not None:
        yield following


def _redirected() -> str:
    """Return the regular file that standard input was redirected from; "" if unknown."""
    try:
        path = Path(os.readlink("/proc/self/fd/0"))  # noqa: PTH115 - readlink of a Path does the same
    except OSError:
        return ""
    return str(path) if path.is_file() else ""
