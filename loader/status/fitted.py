"""Text for a terminal of any width: lines wrap between words, below the text that they continue. Pure.

Rules kept here:

1. A line with a command stays one line, so that it can be copied.
2. A word that is longer than the room, such as a path, stays whole.
3. A number stays on one line with its unit, or with the word that it counts.
"""

import re
import textwrap

KEPT_SPACE = "\x1f"
"""A space at which a line does not wrap."""

LEAST_ROOM_CHARS = 24
"""With less room beside a label, the text continues below the label."""

_LABEL = re.compile(r"(\s*(?:\S+(?: \S+)*\s{2,})?)(.*)")
_COMMAND = "scn-loader "

_BEFORE_UNIT = re.compile(r"(?<![\w:.,-])([<>~]?\d[\d,.]*) (?=[%A-Za-z])", re.ASCII)
_BEFORE_NUMBER = re.compile(rf"({KEPT_SPACE}(?:d|h|min)|\bp\d\d) (?=\d)", re.ASCII)
"""The second part of ``3 min 12 s``, and the value of ``p50 12 ms``."""


def fitted(text: str, width: int) -> str:
    """Return the text with no line longer than a number of columns, as far as the rules allow."""
    lines = [part for line in text.split("\n") for part in _parts(line, width)]
    return "\n".join(lines).replace(KEPT_SPACE, " ")


def _parts(line: str, width: int) -> list[str]:
    found = _LABEL.fullmatch(line)
    if len(line) <= width or found is None or _COMMAND in line.replace(KEPT_SPACE, " "):
        return [line]
    label, content = found.groups()
    if not label or width - len(label) >= LEAST_ROOM_CHARS:
        first, others = label, " " * len(label)
    else:
        margin = " " * min(len(label) - len(label.lstrip()), 2)
        first = f"{margin}{label.strip()} " if label.strip() else f"{margin}  "
        others = f"{margin}  "
    return textwrap.wrap(
        _with_units_kept(content),
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [line]


def _with_units_kept(text: str) -> str:
    """Return the text with a kept space between each number and its unit or name."""
    return _BEFORE_NUMBER.sub(rf"\1{KEPT_SPACE}", _BEFORE_UNIT.sub(rf"\1{KEPT_SPACE}", text))
