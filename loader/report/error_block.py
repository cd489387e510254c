"""Errors as the block a user reads, in colour where that helps."""

from rich.color import ColorSystem
from rich.style import Style

from loader.errors import LoaderError
from loader.report.figures import printable

LABEL_STYLES = {
    "error": Style(color="red", bold=True),
    "where": Style(dim=True),
    "why": Style(dim=True),
    "next": Style(color="green", bold=True),
}


def render_error(error: LoaderError, *, color: bool) -> str:
    """Return the error's block, without a line end at its end.

    Paths and the service's words in it are made harmless for a terminal; the lines of a text that has
    several are set below each other.

    Args:
        error: What stopped the load.
        color: Whether to use terminal colours.
    """
    lines = []
    for line in error.block().splitlines():
        label, colon, rest = line.partition(":")
        style = LABEL_STYLES.get(label.strip()) if colon else None
        if style is None:
            lines.append(" " * 9 + printable(line.strip()))
        elif color:
            lines.append(style.render(label + colon, color_system=ColorSystem.STANDARD) + printable(rest))
        else:
            lines.append(label + colon + printable(rest))
    return "\n".join(lines)
