"""Deviations from RFC 4180 that are accepted in CSV records. Pure."""

import re
from collections.abc import Sequence
from functools import cache

from loader.formats.csv.syntax import Syntax

ROW_LIKE_LINES = 3
"""A text with at least this many whole lines, each with as many separators as a row, looks like rows."""


def is_empty_row(fields: Sequence[str], text: bytes, syntax: Syntax) -> bool:
    """Return whether a record of several fields has separators only."""
    if len(fields) <= 1 or any(fields):
        return False
    return not text.strip(b"\r\n").replace(syntax.separator.encode(), b"")


def after_blanks(fields: Sequence[str], syntax: Syntax) -> list[str]:
    """Return the fields that begin with blanks and a quote."""
    blanks = _blanks(syntax.separator)
    opened = tuple(blank + following for blank in blanks for following in (syntax.quote, *blanks))
    if not syntax.quote:
        return []
    return [
        field
        for field in fields
        if field.startswith(opened) and field.lstrip(blanks).startswith(syntax.quote)
    ]


def fields_with_blanks(record: bytes, syntax: Syntax) -> list[str] | None:
    """Return the fields of a record with blanks around quoted fields, if it is valid without these blanks."""
    if syntax.escape:
        return None
    text = record.decode(errors="surrogateescape").rstrip("\r\n")
    field = _field_pattern(syntax.separator, syntax.quote)
    fields, position = [], 0
    while match := field.match(text, position):
        quoted = match["quoted"]
        unquoted = match["plain"]
        fields.append(unquoted if quoted is None else quoted.replace(syntax.quote * 2, syntax.quote))
        position = match.end() + 1
        if match.end() == len(text):
            return fields
    return None


@cache
def _field_pattern(separator: str, quote: str) -> re.Pattern[str]:
    """Return the pattern of one field up to the separator or the end of the record."""
    inside, outside = re.escape(quote), re.escape(separator)
    blanks = f"[{_blanks(separator)}]*"
    return re.compile(
        rf"(?:{blanks}{inside}(?P<quoted>(?:[^{inside}]|{inside}{inside})*+){inside}{blanks}"
        rf"|(?P<plain>(?!{blanks}{inside})[^{outside}\r\n]*))(?={outside}|\Z)"
    )


def _blanks(separator: str) -> str:
    return "".join(sorted({" ", "\t"} - {separator}))


def holds_rows(text: str, syntax: Syntax, columns: int) -> bool:
    """Return whether a text of several lines looks like rows of the file.

    Its first and last lines may be parts of rows; all others must have as many separators as a row.
    """
    if columns == 1 or text.count(syntax.line_end) <= ROW_LIKE_LINES:
        return False
    return all(line.count(syntax.separator) == columns - 1 for line in text.split(syntax.line_end)[1:-1])


def fit(fields: list[str], columns: int, syntax: Syntax) -> None:
    """Fit a record to the length of the header in place, if the settings permit it."""
    surplus = len(fields) - columns
    if surplus < 0 and syntax.fills_short_rows:
        fields += [""] * -surplus
    elif surplus > 0 and syntax.dropped_fields in (None, surplus) and not any(fields[columns:]):
        del fields[columns:]
