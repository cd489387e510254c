"""The supported strftime directives, and the texts that match a format."""

import re
from functools import cache

DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "(?:1[0-2]|0?[1-9])",
    "d": "(?:3[01]|[12][0-9]|0?[1-9])",
    "j": "[0-9]{1,3}",
    "H": "(?:2[0-3]|[01]?[0-9])",
    "I": "(?:1[0-2]|0?[1-9])",
    "M": "[0-5]?[0-9]",
    "S": "[0-5]?[0-9]",
    "f": "[0-9]{1,6}",
    "z": r"(?:Z|[+-][0-9]{2}:?[0-9]{2})",
    "p": "[AaPp][Mm]",
    "a": "[A-Za-z]{3}",
    "b": "[A-Za-z]{3}",
    "A": "[A-Za-z]+",
    "B": "[A-Za-z]+",
    "%": "%",
}
"""The directives, and the texts that Python accepts for each. Polars accepts more: it reads "06" with ``%Y``
as the year 6, drops the seventh digit of a fraction, and skips blanks."""

FULL_WIDTH = {
    "m": "(?:1[0-2]|0[1-9])",
    "d": "(?:3[01]|[12][0-9]|0[1-9])",
    "j": "[0-9]{3}",
    "H": "(?:2[0-3]|[01][0-9])",
    "I": "(?:1[0-2]|0[1-9])",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
}
"""The same for directives next to another number: with fewer digits, a text could be read in two ways."""

_NUMBERS = frozenset("YymdjHIMSf")


def pieces_of(text_format: str) -> list[str]:
    """Return the directives, blanks and literal texts of a format."""
    return re.findall(r"%.|\s+|[^%\s]+", text_format, re.DOTALL)


@cache
def pattern_of(text_format: str) -> str:
    """Return the regular expression of texts that may match a format; ``%y`` is its group."""
    pieces = ["", *pieces_of(text_format), ""]
    parts = [
        _piece_pattern(piece, before, after)
        for before, piece, after in zip(pieces, pieces[1:], pieces[2:], strict=False)
    ]
    return r"\A" + "".join(parts) + r"\z"


def _piece_pattern(piece: str, before: str, after: str) -> str:
    if not piece.startswith("%"):
        return r"\s+" if piece.isspace() else re.escape(piece)
    directive = piece[1:]
    if directive == "y":
        return f"({DIRECTIVES['y']})"
    beside_number = any(other[:1] == "%" and other[1:] in _NUMBERS for other in (before, after))
    return FULL_WIDTH.get(directive, DIRECTIVES[directive]) if beside_number else DIRECTIVES[directive]
