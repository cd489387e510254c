"""What the characters of a CSV file mean, and what its rows may lack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Syntax:
    r"""What the characters of a CSV file mean.

    Attributes:
        separator: The character between fields.
        quote: The character around fields, or empty.
        line_end: ``\n`` (LF or CRLF) or ``\r`` (a lone CR).
        escape: The character that makes the next one part of the field, or empty.
        comment: What a line begins with that is not a record, or empty.
        encoding: How people call the file's encoding, for reasons; it is read as UTF-8 in any case.
        doubled_return: Whether lines end in CR CR LF, as Python on Windows writes them by mistake.
        fills_short_rows: Whether fields that are missing at the end of a row are empty.
        dropped_fields: How many empty fields a row may have beyond the last column; None for any number.
        skips_empty_rows: Whether lines of separators only are not rows.
        drops_blanks: Whether blanks after a closing quote are left out.
        rejects_row_like_texts: Whether a text that looks like rows rejects its row.
    """

    separator: str
    quote: str
    line_end: str
    escape: str = ""
    comment: str = ""
    encoding: str = "UTF-8"
    doubled_return: bool = False
    fills_short_rows: bool = False
    dropped_fields: int | None = 0
    skips_empty_rows: bool = False
    drops_blanks: bool = False
    rejects_row_like_texts: bool = False
