"""Errors as a block of text for users, in colour on a terminal."""

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
    """Return the error's block, without a final line end.

    Control characters in paths and in the service's messages are made visible. Lines of a multi-line text are
    indented below each other.

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


def error_values(error: LoaderError) -> dict[str, object]:
    """Return the error as JSON values, for commands that print one JSON object."""
    texts = {"what": error.what, "where": error.where, "why": error.why, "next": error.next_step}
    return {"error": texts, "exit_code": int(error.exit_code)}
