"""Errors for an SQL expression that cannot be used, or for a function with the wrong types."""

MOST_TEXT_BYTES = 256 * 2**20
"""Maximum bytes of text that one step may produce from the rows evaluated at a time (at most 32,768)."""


class SqlFault(Exception):
    """An expression that cannot be used. The user sees its text, which contains no value of a row.

    Args:
        why: The fault.
        cure: The remedy.
    """

    def __init__(self, why: str, cure: str = "") -> None:
        super().__init__(why)
        self.why, self.cure = why, cure


class TooMuchText(SqlFault):
    """The texts of a step are too large in total. Fewer rows may still fit."""
