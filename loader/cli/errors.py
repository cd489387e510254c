"""Show an error on the terminal; show its traceback only with ``--debug``."""

import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress

from loader.errors import LoaderError
from loader.report import LogFormat, render_error
from loader.report.figures import printable
from loader.report.log_lines import json_line

_FLAG = "--log-format"
_VARIABLE = "SCN_LOADER_LOG_FORMAT"


def show_error(error: LoaderError, *, debug: bool = False, load: str | None = None) -> None:
    """Print an error's block to stderr, in colour on a terminal; one JSON line if logs are JSON.

    Args:
        error: What stopped the command.
        debug: Whether to print the traceback before the block.
        load: Id of the load that the error stopped, or None.
    """
    with suppress(Exception):  # a closed stream or a failure here must not change the exit code
        if debug:
            traceback.print_exception(error)
    with suppress(Exception):
        if logs_are_json(sys.argv[1:], os.environ):
            sys.stderr.write(_as_json(error, load) + "\n")
        else:
            sys.stderr.write(render_error(error, color=sys.stderr.isatty()) + "\n")


def logs_are_json(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether a command line asks for JSON log lines, even if the command line is invalid.

    Args:
        arguments: The command line without the program's name.
        environment: The environment variables.
    """
    if "load" not in arguments[:1]:
        return False
    value = environment.get(_VARIABLE, "")
    for number, argument in enumerate(arguments):
        if argument == _FLAG and number + 1 < len(arguments):
            value = arguments[number + 1]
        elif argument.startswith(f"{_FLAG}="):
            value = argument.removeprefix(f"{_FLAG}=")
    return value == LogFormat.JSON


def _as_json(error: LoaderError, load: str | None) -> str:
    parts = {"where": error.where, "why": error.why, "next": error.next_step}
    texts = {name: "\n".join(map(printable, text.split("\n"))) for name, text in parts.items() if text}
    fields = {**texts, "exit_code": int(error.exit_code), "load": load}
    return json_line(time.time(), "ERROR", printable(error.what), fields)
