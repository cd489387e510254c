"""How text goes to standard output: the width of the terminal, if it is one, and tables."""

import shutil
import sys
from typing import TYPE_CHECKING

from loader.report.figures import printable
from loader.status.fitted import fitted

if TYPE_CHECKING:
    from rich.console import Console

UNCUT_CHARS = 10_000
"""Columns of a table in a pipe, more than any terminal has: by default rich cuts tables at 80 columns."""


def stdout_width() -> int | None:
    """Return the number of columns of the terminal; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def for_stdout(text: str) -> str:
    """Return the text with lines that fit the terminal; unchanged for a pipe or a file."""
    width = stdout_width()
    return text if width is None else fitted(text, width)


def table_console(width: int | None = None) -> "Console":
    """Return a console of rich that prints tables as they are.

    Its markup is off. Otherwise rich takes ``[delta]`` in a path or an error for a style and prints nothing,
    and replaces ``:key:`` by a picture.

    Args:
        width: Columns of the lines; by default those of the terminal. Lines in a pipe are neither cut nor
            wrapped, so that grep finds whole lines.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import, --help is not

    return Console(width=width or stdout_width() or UNCUT_CHARS, highlight=False, markup=False, emoji=False)


def printable_lines(text: str) -> str:
    """Return a cell of a table: line ends stay, other characters that control a terminal become visible."""
    return "\n".join(map(printable, text.split("\n")))
