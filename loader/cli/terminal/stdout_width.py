"""The width of the terminal that standard output is, if it is one."""

import shutil
import sys

from loader.status.fitted import fitted


def stdout_width() -> int | None:
    """Return the number of columns of the terminal; None if standard output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def for_stdout(text: str) -> str:
    """Return the text with lines that fit the terminal; unchanged if standard output is no terminal."""
    width = stdout_width()
    return text if width is None else fitted(text, width)
