"""The path of ``--summary-json``, found even if the command line cannot be parsed."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_FLAG = "--summary-json"
_VARIABLE = "SCN_LOADER_SUMMARY_JSON"

STREAM_FOLDERS = ("/dev/", "/proc/")
"""Files in this folder are written in place: ``/dev/stdout`` may point to a regular file."""


def requested_summary(arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """Return the summary file that a command line names, even an invalid command line, or None.

    Args:
        arguments: The command line without the program's name.
        environment: The environment variables.
    """
    if "load" not in arguments[:1] or {"--help", "-h"} & set(arguments):
        return None
    value = environment.get(_VARIABLE, "")
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == _FLAG and number + 1 < len(arguments):
            value = arguments[number + 1]
        elif argument.startswith(f"{_FLAG}="):
            value = argument.removeprefix(f"{_FLAG}=")
    return Path(value) if value else None


def clear_summary(path: Path) -> None:
    """Remove the summary of an earlier run; a device or pipe stays."""
    if not is_stream(path):
        with suppress(OSError):
            path.unlink()


def is_summary_missing(path: Path) -> bool:
    """Return whether this run has not written its summary file yet."""
    return not is_stream(path) and not os.path.exists(path)  # noqa: PTH110 - of a name too long: False


def is_writable(path: Path) -> bool:
    """Return whether a summary can probably be written to this path."""
    if os.path.isdir(path):  # noqa: PTH112 - of a name too long: False
        return False
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError):  # too long, a missing folder, or an invalid byte
        return False
    return is_stream(path) or os.access(path.absolute().parent, os.W_OK | os.X_OK)


def is_stream(path: Path) -> bool:
    """Return whether a path is a device or pipe, which is written in place."""
    if os.path.abspath(path).startswith(STREAM_FOLDERS):  # noqa: PTH100 - links must not be followed
        return True
    # Unlike the methods of Path, these functions return False for a name that is too long.
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113
