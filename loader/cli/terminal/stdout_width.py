"""The width of the terminal that standard output is, if it is one."""

import shutil
import sys

from loader.status.fitted import fitted


def stdout_width() -> int | None:
    """Return the number of columns of the terminal; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def for_stdout(text: str) -> str:
    """Return the text with lines that fit the terminal; unchanged for a pipe or a file."""
    width = stdout_width()
    return text if width is None else fitted(text, width)
