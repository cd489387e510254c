"""Errors as a block of text for users, in colour on a terminal."""

from loader.errors import LoaderError
from loader.report.figures import printable

LABEL_STYLES = {"error": "bold red", "where": "dim", "why": "dim", "next": "bold green"}


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
            lines.append(_coloured(label + colon, style) + printable(rest))
        else:
            lines.append(label + colon + printable(rest))
    return "\n".join(lines)


def _coloured(text: str, style: str) -> str:
    from rich.color import ColorSystem  # noqa: PLC0415 - slow to import, and most commands end without an error
    from rich.style import Style  # noqa: PLC0415 - the same

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def error_values(error: LoaderError) -> dict[str, object]:
    """Return the error as JSON values, for commands that print one JSON object."""
    texts = {"what": error.what, "where": error.where, "why": error.why, "next": error.next_step}
    return {"error": texts, "exit_code": int(error.exit_code)}
