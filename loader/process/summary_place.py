"""The path of ``--summary-json``: whether it can be written, and removing the summary of an earlier run."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from loader.atomic import is_stream
from loader.process.named_files import SUMMARY_FLAG


def requested_summary(arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """Return the summary file that a command line names, or None.

    Args:
        arguments: The command line without the program's name.
        environment: The environment variables.
    """
    path = SUMMARY_FLAG.requested(arguments, environment)
    return None if path is None or SUMMARY_FLAG.is_input(path, arguments) else path


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
