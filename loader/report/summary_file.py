"""The file of ``--summary-json``: this run's summary or none, never that of an earlier run.

A scheduler reads it. So the earlier file is removed before anything else is done, and a load that is refused,
or left at a second signal, writes one too.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from loader.atomic import write_whole
from loader.errors import LoaderError
from loader.report.summary import LoadSummary, to_json

FLAG = "--summary-json"
VARIABLE = "SCN_LOADER_SUMMARY_JSON"

STREAM_FOLDERS = ("/dev/", "/proc/")
"""What lies here is written to as it is: ``/dev/stdout`` may lead to a regular file."""


def requested_summary(arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """Return the summary file that a command line asks for, also one that will be refused, or None.

    Args:
        arguments: The command line without the program's name.
        environment: The environment variables.
    """
    if "load" not in arguments[:1] or {"--help", "-h"} & set(arguments):
        return None
    value = environment.get(VARIABLE, "")
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == FLAG and number + 1 < len(arguments):
            value = arguments[number + 1]
        elif argument.startswith(f"{FLAG}="):
            value = argument.removeprefix(f"{FLAG}=")
    return Path(value) if value else None


def clear_summary(path: Path) -> None:
    """Remove the summary of an earlier run; a device or pipe stays."""
    if not _is_stream(path):
        with suppress(OSError):
            path.unlink()


def refused_summary(error: LoaderError, run_dir: str = "") -> LoadSummary:
    """Return the summary of a load that ended without one of its own."""
    return LoadSummary(run_dir=run_dir, stopped_by=error.exit_code, stopped_because=error.what)


def write_summary_json(summary: LoadSummary, path: Path) -> None:
    """Write the summary so that a reader sees the whole of it or nothing of it.

    Args:
        summary: What to write. It holds no row data, so the file has the usual permissions.
        path: The file; a device or pipe such as ``/dev/stdout`` is written to as it is.

    Raises:
        OSError: It could not be written; a file that was there before is unchanged.
    """
    if not _is_stream(path):
        write_whole(path, to_json(summary), private=False)
        return
    with path.open("wb", buffering=0) as stream:
        stream.write(to_json(summary))


def is_summary_missing(path: Path) -> bool:
    """Return whether this run has not written its summary file yet."""
    return not _is_stream(path) and not path.exists()


def _is_stream(path: Path) -> bool:
    if os.path.abspath(path).startswith(STREAM_FOLDERS):  # noqa: PTH100 - links must not be followed
        return True
    return path.exists() and not path.is_file()
