"""The meaning of the characters of a CSV file, and deviations that are permitted in its rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Syntax:
    r"""The meaning of the characters of a CSV file.

    Attributes:
        separator: The character between fields.
        quote: The character around fields, or empty.
        line_end: ``\n`` (LF or CRLF) or ``\r`` (a lone CR).
        escape: The character that makes the next one part of the field, or empty.
        also_escaped: Other characters than those four before which the escape is dropped.
        comment: The start of a line that is not a record, or empty.
        encoding: The name of the file's encoding, for reasons. The text is UTF-8 in any case.
        doubled_return: Whether lines end in CR CR LF, as written by Python on Windows by mistake.
        fills_short_rows: Whether missing fields at the end of a row count as empty.
        dropped_fields: Maximum number of empty fields after the last column; None for any number.
        skips_empty_rows: Whether lines of separators only are not rows.
        drops_blanks: Whether blanks around a quoted field are dropped.
        rejects_row_like_texts: Whether a text that looks like rows rejects its row.
    """

    separator: str
    quote: str
    line_end: str
    escape: str = ""
    also_escaped: str = ""
    comment: str = ""
    encoding: str = "UTF-8"
    doubled_return: bool = False
    fills_short_rows: bool = False
    dropped_fields: int | None = 0
    skips_empty_rows: bool = False
    drops_blanks: bool = False
    rejects_row_like_texts: bool = False
