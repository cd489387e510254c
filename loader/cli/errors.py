"""Show an error on the terminal, and nothing of a traceback."""

import sys

from loader.errors import LoaderError
from loader.report import render_error


def show_error(error: LoaderError) -> None:
    """Print an error's block to stderr, in colour on a terminal."""
    sys.stderr.write(render_error(error, color=sys.stderr.isatty()) + "\n")
