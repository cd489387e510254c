"""Detect CSV that polars reads like the csv module: each record has all fields, quoted as in RFC 4180.

Rule kept here: in doubt, a text counts as irregular, and the caller reads it record by record.
"""

import re
from dataclasses import dataclass
from functools import cache

from loader.formats.csv.syntax import Syntax
from loader.formats.csv.tolerance import ROW_LIKE_LINES, holds_rows

EMPTY_LINE_PATTERNS = {"\n": re.compile(rb"\n\r?\n"), "\r": re.compile(rb"\r\r")}
"""An empty line and the line end before it, by line end. ``in`` takes four times as long for two bytes."""

DENSE_QUOTES = 16
"""Four quotes in a row for so many bytes are too many: a list of the pieces between the quotes would take 70
times the memory of the text."""


def last_record_end(text: bytes, syntax: Syntax) -> int:
    """Return the end of the last whole record, if quotes are only where they belong."""
    line_end, quote = syntax.line_end.encode(), syntax.quote.encode()
    end = text.rfind(line_end)
    quotes = text.count(quote, 0, max(end, 0)) if quote else 0
    while end >= 0 and quotes % 2:
        # Line ends after the last quote are inside the field that it opened.
        before = text.rfind(line_end, 0, text.rfind(quote, 0, end))
        quotes -= text.count(quote, max(before, 0), end)
        end = before
    return end + 1


@dataclass(frozen=True, slots=True)
class RegularText:
    """A text in which every record has all fields and is quoted as in RFC 4180.

    Attributes:
        rows: Number of its records.
        line_ends: Number of its line ends, also of those inside quotes.
        may_have_empty_texts: Whether a field may be a pair of quotes without a text.
    """

    rows: int
    line_ends: int
    may_have_empty_texts: bool


def regular_rows(body: bytes, syntax: Syntax, columns: int) -> int | None:
    """Return the number of rows if every record has all fields and is quoted as in RFC 4180."""
    found = regular_text(body, syntax, columns)
    return None if found is None else found.rows


def regular_text(body: bytes, syntax: Syntax, columns: int) -> RegularText | None:
    """Return what is known about a text if every record has all fields and is quoted as in RFC 4180."""
    separator, line_end = syntax.separator.encode(), syntax.line_end.encode()
    if _mixes_line_ends(body, syntax) or _has_more_than_fields(body, syntax):
        return None
    pieces = _pieces_between_quotes(body, syntax)
    if pieces is None or body.startswith((line_end, b"\r\n")) or _may_have_empty_rows(body, syntax, columns):
        return None
    outside = body if len(pieces) == 1 else syntax.quote.encode().join(pieces[::2])
    if EMPTY_LINE_PATTERNS[syntax.line_end].search(outside):
        return None
    line_ends = body.count(line_end)
    rows = (line_ends if outside is body else outside.count(line_end)) + (not body.endswith(line_end))
    lines_in_texts = line_ends - rows
    if lines_in_texts >= ROW_LIKE_LINES and _may_hold_rows(body, syntax, columns):
        return None
    if outside.count(separator) != rows * (columns - 1):
        return None
    # Between two quotes is nothing if a text is empty, or has a doubled quote at its start, its end or beside
    # another one.
    return RegularText(rows, line_ends, b"" in pieces[1::2])


def has_all_fields(body: bytes, syntax: Syntax, columns: int) -> bool:
    """Return whether every record of a text of regular rows has all fields and is UTF-8.

    In `regular_rows`, a record with too few fields and one with too many together look like two good ones.
    """
    separator, line_end, quote = (each.encode() for each in (syntax.separator, syntax.line_end, syntax.quote))
    outside = b"".join(body.split(quote)[::2]) if quote else body
    records = outside.removesuffix(line_end).split(line_end)
    if any(record.count(separator) != columns - 1 for record in records):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mixes_line_ends(body: bytes, syntax: Syntax) -> bool:
    if syntax.line_end == "\r":
        return b"\n" in body
    return b"\r" in body and body.count(b"\r") != body.count(b"\r\n")


def _has_more_than_fields(body: bytes, syntax: Syntax) -> bool:
    """Return whether the text has features that polars lacks: escapes, comments, a long separator."""
    if not (syntax.separator + syntax.quote).isascii() or (syntax.escape and syntax.escape.encode() in body):
        return True
    comment = syntax.comment.encode()
    return bool(comment) and (body.startswith(comment) or syntax.line_end.encode() + comment in body)


def _pieces_between_quotes(body: bytes, syntax: Syntax) -> list[bytes] | None:
    """Return the text divided at its quotes, or None if a quote is in a wrong place.

    The pieces at even positions are outside of quotes.
    """
    quote = syntax.quote.encode()
    if not quote or quote not in body:
        return [body]
    quotes = body.count(quote)
    if quotes % 2:
        return None
    if DENSE_QUOTES * (quotes // 4) > len(body) and DENSE_QUOTES * body.count(4 * quote) > len(body):
        return None
    pieces = body.split(quote)
    separator, line_end = syntax.separator.encode(), syntax.line_end.encode()
    # An empty piece between two quoted texts is a doubled quote inside a text. Every other piece must begin
    # and end at the border of a field. Where each field is quoted, most pieces are equal.
    between = set(pieces[2:-1:2])
    ends = {b"", separator, line_end}
    begins = ends | {b"\r"} if line_end == b"\n" else ends  # `_mixes_line_ends` refuses "\r" without "\n"
    fits = {piece[:1] for piece in between} <= begins and {piece[-1:] for piece in between} <= ends
    fits = fits and pieces[0][-1:] in ends and pieces[-1][:1] in begins
    return pieces if fits else None


def _may_have_empty_rows(body: bytes, syntax: Syntax, columns: int) -> bool:
    """Return whether a line may have separators only."""
    if columns == 1 or not syntax.skips_empty_rows:
        return False
    first, later = _empty_rows(syntax.separator.encode(), syntax.line_end.encode())
    return bool(first.match(body) or later.search(body))


@cache
def _empty_rows(separator: bytes, line_end: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return the patterns of an empty row at the start of a text and after a line end.

    A pattern that begins with a line end is searched four times as fast as ``in`` searches two bytes.
    """
    row = b"(?:%b)+\\r*(?:%b|\\Z)" % (re.escape(separator), line_end)
    return re.compile(row), re.compile(line_end + row)


def _may_hold_rows(body: bytes, syntax: Syntax, columns: int) -> bool:
    """Return whether a text inside quotes looks like rows."""
    quote = syntax.quote.encode()
    if not syntax.rejects_row_like_texts or not quote or quote not in body:
        return False
    return any(
        holds_rows(text.decode(errors="replace"), syntax, columns)
        for text in body.split(quote)[1::2]
        if text.count(syntax.line_end.encode()) > ROW_LIKE_LINES
    )
