"""Errors as blocks, plain and in colour."""

import traceback

from rich.text import Text

from loader.errors import ExtractError
from loader.report import render_error

ERROR = ExtractError(
    "The column 'qty' is missing.",
    where="orders.csv",
    why="The dataset requires it.\nThe file has 3 columns.",
    next_step="add it to [mapping]",
)


def test_block_without_colour_is_the_error_block_in_order():
    """What, where, why and next stand below each other; a second line of a text is set below its first."""
    assert render_error(ERROR, color=False).splitlines() == [
        "error: The column 'qty' is missing.",
        "  where: orders.csv",
        "  why:   The dataset requires it.",
        "         The file has 3 columns.",
        "  next:  add it to [mapping]",
    ]


def test_a_traceback_shows_all_parts_of_the_error():
    """Users of the library see the place and the cause without a call of ``block``."""
    shown = "".join(traceback.format_exception_only(ERROR))
    assert shown == f"{ERROR.block()}\n".replace("error:", "loader.errors.ExtractError:", 1)


def test_colour_changes_no_text():
    """Without its colours the coloured block is the plain one."""
    coloured = render_error(ERROR, color=True)
    assert coloured.count("\x1b[0m") == 4
    assert Text.from_ansi(coloured).plain == render_error(ERROR, color=False)


def test_text_from_outside_is_harmless():
    """Terminal controls in a path or in the service's words become visible characters."""
    error = ExtractError("Bad \x1b[2J name.", where="a\x07b", why="c\x9bd")
    assert render_error(error, color=False).splitlines() == [
        r"error: Bad \x1b[2J name.",
        r"  where: a\x07b",
        r"  why:   c\x9bd",
    ]
