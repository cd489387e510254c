"""Show an error on the terminal; its traceback only on request."""

import sys
import traceback
from contextlib import suppress

from loader.errors import LoaderError
from loader.report import render_error


def show_error(error: LoaderError, *, debug: bool = False) -> None:
    """Print an error's block to stderr, in colour on a terminal.

    Args:
        error: What stopped the command.
        debug: Whether to print the traceback before the block.
    """
    with suppress(Exception):  # a stream that is gone, or a fault too deep to be shown, changes no exit code
        if debug:
            traceback.print_exception(error)
    with suppress(Exception):
        sys.stderr.write(render_error(error, color=sys.stderr.isatty()) + "\n")
