r"""Find the end of a CSV record whose quotes are inconsistent, so that its rest is not read as a row. Pure.

Such a record is rejected. Only its end is in question, and there are two readings:

1. A quote closes a field. Text after it belongs to the field, up to the separator. The ``csv`` module reads
   so if it is not strict. In ``a,"1"x,"y\nb,c"`` the record ends after ``c"``.
2. A quote closes a field only before a separator or a line end. In ``a,"1"x\nb",c`` the record ends after
   ``c``.

Rule kept here: the record ends where the first reading ends it. It ends later, where the second reading ends
it, if the record has a field for each column then, and if no field seems to begin with a quote in between.
"""

import re
from functools import cache

from loader.formats.csv.syntax import Syntax

MAX_TORN_BYTES = 64 * 2**10
"""Maximum number of bytes by which the second reading may extend a record."""


def end_of_broken_record(
    text: bytes, start: int, syntax: Syntax, *, columns: int | None, at_end: bool
) -> int | None:
    """Return the end of a record with inconsistent quotes, including its line end.

    Args:
        text: CSV in UTF-8.
        start: The start of the record.
        syntax: The meaning of the characters.
        columns: Number of columns of the file, or None for the first reading only.
        at_end: Whether the file ends with ``text``.

    Returns:
        The end, or None if ``text`` ends before the record.
    """
    end = _first_end(text, start, syntax)
    if end is None or (end == len(text) and not at_end and not text.endswith(syntax.line_end.encode())):
        return None
    if columns is None or not syntax.quote or syntax.escape:
        return end
    read = text[start : end + MAX_TORN_BYTES]
    reaches_end = start + len(read) == len(text)
    if reaches_end and at_end:
        read += syntax.line_end.encode()
    second = _second_end(read, end - start, syntax, columns)
    if second is None:
        return None if reaches_end and not at_end else end
    return min(start + second, len(text))


def end_with_blanks(text: bytes, start: int, csv_end: int, syntax: Syntax, *, at_end: bool) -> int | None:
    """Return the end of a record in which blanks may precede opening quotes.

    Args:
        text: CSV in UTF-8.
        start: The start of the record.
        csv_end: The end of the record if a quote after blanks opens no field.
        syntax: The meaning of the characters.
        at_end: Whether the file ends with ``text``.

    Returns:
        The end, or None if the record is not valid without the blanks.

    Raises:
        EOFError: ``text`` ends inside quotes, and more of the file may close them.
    """
    record = text[start : csv_end + MAX_TORN_BYTES]
    reaches_end = start + len(record) == len(text)
    field, opened = _field_with_blanks(syntax)
    line_end, separator_bytes = syntax.line_end.encode(), len(syntax.separator.encode())
    if reaches_end and at_end and not record.endswith(line_end):
        record += line_end
    position = 0
    while match := field.match(record, position):
        if record.startswith(line_end, match.end()):
            return min(start + match.end() + len(line_end), len(text))
        position = match.end() + separator_bytes
    if reaches_end and not at_end and (position >= len(record) or opened.fullmatch(record, position)):
        raise EOFError
    return None


def _first_end(text: bytes, start: int, syntax: Syntax) -> int | None:
    """Return the end of a record by the first reading; None if ``text`` ends inside quotes."""
    field = _first_field(syntax)
    line_end, separator_bytes = syntax.line_end.encode(), len(syntax.separator.encode())
    position = start
    while match := field.match(text, position):
        if text.startswith(line_end, match.end()):
            return match.end() + len(line_end)
        if match.end() == len(text):
            return len(text)
        position = match.end() + separator_bytes
    return None


def _second_end(record: bytes, first_end: int, syntax: Syntax, columns: int) -> int | None:
    """Return the end of a record by the second reading, or by the first one if that decides.

    Args:
        record: The text from the record's start on.
        first_end: The end by the first reading.
        syntax: The meaning of the characters.
        columns: Required number of fields.

    Returns:
        The end, or None if ``record`` ends inside quotes.
    """
    field, opening = _second_field(syntax), _opening_quote(syntax)
    line_end, separator_bytes = syntax.line_end.encode(), len(syntax.separator.encode())
    position = fields = 0
    while match := field.match(record, position):
        fields += 1
        if match.start() < first_end < match.end() and opening.search(record, first_end - 1, match.end()):
            return first_end
        if record.startswith(line_end, match.end()):
            end = match.end() + len(line_end)
            return end if fields == columns and end > first_end else first_end
        position = match.end() + separator_bytes
    if position < first_end and opening.search(record, first_end - 1):
        return first_end
    return None


@cache
def _first_field(syntax: Syntax) -> re.Pattern[bytes]:
    """Return the pattern of a field by the first reading; it does not match if its quote is never closed."""
    separator, line_end = re.escape(syntax.separator.encode()), re.escape(syntax.line_end.encode())
    escape = re.escape(syntax.escape.encode())
    escaped = rb"%b(?:\r\n|[\s\S])|" % escape if escape else b""
    unquoted = rb"(?:%b(?!%b|%b)[\s\S])*+" % (escaped, separator, line_end)
    if not syntax.quote:
        return re.compile(unquoted)
    quote = re.escape(syntax.quote.encode())
    quoted = rb"%b(?:%b%b%b|(?!%b)[\s\S])*+%b" % (quote, escaped, quote, quote, quote, quote)
    return re.compile(rb"(?:%b|(?!%b))%b" % (quoted, quote, unquoted))


@cache
def _second_field(syntax: Syntax) -> re.Pattern[bytes]:
    """Return the pattern of a field by the second reading, without the separator or line end after it."""
    separator, line_end = re.escape(syntax.separator.encode()), re.escape(syntax.line_end.encode())
    quote = re.escape(syntax.quote.encode())
    border = rb"[ \t\r]*(?:%b|%b)" % (separator, line_end)
    return re.compile(
        rb"(?:%b(?:%b%b|(?!%b)[\s\S]|%b(?!%b))*+%b(?=%b)[ \t\r]*?|(?!%b)(?:(?!%b|%b)[\s\S])*+)(?=%b|%b)"
        % (quote, quote, quote, quote, quote, border, quote, border, quote, *(separator, line_end) * 2)
    )


@cache
def _field_with_blanks(syntax: Syntax) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return the patterns of a field and of an incomplete one, if blanks may be around its quotes."""
    separator, line_end = re.escape(syntax.separator.encode()), re.escape(syntax.line_end.encode())
    quote = re.escape(syntax.quote.encode())
    blanks = rb"(?:(?!%b)[ \t])*" % separator
    opened = rb"%b%b(?:%b%b|(?!%b)[\s\S])*+" % (blanks, quote, quote, quote, quote)
    plain = rb"(?!%b%b)(?:(?!%b|%b)[\s\S])*+" % (blanks, quote, separator, line_end)
    # A return before the line end is dropped, unless it is itself the line end.
    after = blanks if syntax.line_end == "\r" else rb"%b\r*" % blanks
    complete = rb"(?:%b%b%b|%b)(?=%b|%b)" % (opened, quote, after, plain, separator, line_end)
    return re.compile(complete), re.compile(rb"(?:%b|%b%b%b|%b)" % (opened, opened, quote, after, plain))


@cache
def _opening_quote(syntax: Syntax) -> re.Pattern[bytes]:
    """Return the pattern of a quote that seems to open a field, with the character before it."""
    separator, line_end = re.escape(syntax.separator.encode()), re.escape(syntax.line_end.encode())
    quote = re.escape(syntax.quote.encode())
    return re.compile(rb"(?:%b|%b)%b" % (separator, line_end, quote))
