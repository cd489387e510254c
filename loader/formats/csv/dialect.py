"""The dialect of a CSV file: encoding, separator, quote, line end, and the names of its columns.

Rules kept here:

1. Values are never guessed: every field is text. Only the dialect is detected, from the head of the file, and
   only where the user set nothing.
2. Lines that end with LF and CRLF are one dialect (a file may mix them); lines that end with a lone CR are
   another.
3. A dialect depends only on the file's bytes and the csv settings. A resume compares both, so the dialect is
   not stored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO

from loader.errors import EmptyExtract
from loader.formats.csv.head_rows import HeadRows, look_at_rows
from loader.formats.csv.names import bad_header, fitted, names_of
from loader.formats.csv.records import ReadRecords, read_records
from loader.formats.csv.separator import find_separator, in_words, refuse_title
from loader.formats.csv.syntax import Syntax
from loader.job import CsvSettings
from loader.model import SourceFile
from loader.sources.encodings import Encoding, find_encoding
from loader.sources.files import opened
from loader.sources.transcoding import as_utf8, read_up_to

_HEAD_BYTES = 2**20
"""Bytes of a file that are examined for its dialect."""

SEPARATOR_LINE = re.compile(rb'"?sep=([\t !#-~])"?(?:\r\r\n|\r\n|\n|\r)')
"""A line that Excel writes and reads before the header."""


DOUBLED_RETURN = re.compile(rb"\r\r\n")
"""The line end of a program on Windows that writes CRLF itself to a file opened as text."""

QUOTATION_MARKS = "\"'"
"""Redshift escapes both in an UNLOAD with ADDQUOTES ESCAPE; Spark escapes only the one that quotes fields."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The dialect of one CSV file.

    Attributes:
        syntax: The meaning of its characters.
        encoding: The encoding of its text.
        columns: The names of its columns, all different.
        nameless: The columns that nothing names: row of the first value of each, from 1, or None if the first
            rows have no value.
        must_be_empty: The columns in which a value rejects its row.
        data_offset: Start of its first record: a position in its text, as UTF-8 without a byte-order mark.
        data_line: Line of its first record, from 1.
        header: The fields of its header, without blanks around them; empty without a header.
        rows: Missing and surplus fields in its first rows.
        kept_escape: An escape and the quotation mark after it that its first rows have as text, or empty.
        words: The dialect in words.
    """

    syntax: Syntax
    encoding: Encoding
    columns: tuple[str, ...]
    nameless: Mapping[str, int | None]
    must_be_empty: tuple[str, ...]
    data_offset: int
    data_line: int
    header: tuple[str, ...]
    rows: HeadRows
    kept_escape: str
    words: str


@dataclass(frozen=True, slots=True)
class _Head:
    """The first part of a file's text.

    Attributes:
        path: The file.
        encoding: Its encoding.
        text: The text, in UTF-8 without a byte-order mark.
        is_whole: Whether the file ends with it.
    """

    path: str
    encoding: Encoding
    text: bytes
    is_whole: bool


def read_dialect(file: SourceFile | str, settings: CsvSettings) -> Dialect:
    """Detect the dialect of a CSV file from its head.

    Raises:
        EmptyExtract: The file has no text.
        ExtractError: The file cannot be read, its dialect is not clear, or it has no usable header.
    """
    head = _read_head(file, settings.encoding)
    path = head.path
    line_end = _line_end(head.text, settings)
    start = _after_lines(head, line_end, settings.skip_rows)
    separator_line = SEPARATOR_LINE.match(head.text, start)
    start = start if separator_line is None else separator_line.end()
    text = head.text[start:]
    named = None if separator_line is None else separator_line[1].decode()
    syntax = _with_separator(_syntax(head, settings, line_end), head, text, settings, named)
    read = read_records(text, syntax, columns=None, at_end=head.is_whole, most=1)
    first = _first_fields(head, read, settings)
    data_offset = start + (read.used_bytes if settings.header else 0)
    data = head.text[data_offset:]
    names = fitted(names_of(path, first, settings), data, syntax, settings, at_end=head.is_whole)
    columns = names.columns
    rows = look_at_rows(data, syntax, len(columns), at_end=head.is_whole)
    if settings.surplus_fields == "auto":
        surplus = max(0, settings.row_fields - len(columns)) if settings.row_fields else rows.same_surplus
        syntax = replace(syntax, dropped_fields=surplus)
    return Dialect(
        syntax=syntax,
        encoding=head.encoding,
        columns=columns,
        nameless=names.nameless,
        must_be_empty=(),
        data_offset=data_offset,
        data_line=1 + head.text.count(line_end.encode(), 0, data_offset),
        header=tuple(name.strip() for name in first[: len(columns)]) if settings.header else (),
        rows=rows,
        kept_escape=_kept_escape(data, syntax),
        words=_words(syntax, text[: read.used_bytes], settings),
    )


def _kept_escape(data: bytes, syntax: Syntax) -> str:
    """Return an escape and a quotation mark other than the quote if the first rows have it, else nothing."""
    marks = [mark for mark in QUOTATION_MARKS if mark != syntax.quote and mark not in syntax.also_escaped]
    pairs = [syntax.escape + mark for mark in marks] if syntax.escape else []
    return next((pair for pair in pairs if pair.encode() in data), "")


def _first_fields(head: _Head, read: ReadRecords, settings: CsvSettings) -> list[str]:
    """Return the fields of the first record. Without a header, only their number counts.

    Raises:
        EmptyExtract: The file has no text.
        ExtractError: The first record cannot be read, and nothing else states the number of fields.
    """
    first = read.records[0] if read.records else None
    if first is None and head.is_whole and not head.text.strip():
        raise EmptyExtract(
            "The extract is empty.",
            where=head.path,
            why="it has no text, not even a header",
            next_step="check whether its export has ended",
        )
    if settings.row_fields and not settings.header:
        return [""] * settings.row_fields
    if not isinstance(first, list):
        raise bad_header(head.path, first.reason if first else "no line end was found in its first MiB")
    if settings.header and settings.columns and read.empty_rows:
        # Only the user knows whether the names replace this line or the next one, which may be a row.
        raise bad_header(head.path, "its first line has separators only, and csv.columns gives the names")
    return first


def _syntax(head: _Head, settings: CsvSettings, line_end: str) -> Syntax:
    """Return the meaning of the characters as set by the user. The separator may still be ``auto``."""
    return Syntax(
        separator=settings.separator,
        quote=settings.quote,
        line_end=line_end,
        escape=settings.escape,
        also_escaped=settings.also_escaped if settings.escape else "",
        comment=settings.comment,
        encoding=head.encoding.words,
        doubled_return=line_end == "\n"
        and (settings.line_end == "crcrlf" or _has_doubled_return(head.text, settings.quote)),
        fills_short_rows=settings.short_rows == "fill",
        dropped_fields=None if settings.surplus_fields == "drop" else 0,
        skips_empty_rows=settings.empty_rows == "skip",
        drops_blanks=settings.blanks_after_quotes == "drop",
        rejects_row_like_texts=settings.row_like_texts == "reject",
    )


def _with_separator(
    syntax: Syntax, head: _Head, text: bytes, settings: CsvSettings, named: str | None
) -> Syntax:
    """Return the syntax with the separator of the user, of the line ``sep=``, or of the rows.

    Args:
        syntax: The meaning of the other characters.
        head: The first part of the file.
        text: The head from the header on.
        settings: The CSV settings.
        named: The separator in the line ``sep=``, or None without such a line.
    """
    if settings.separator != "auto":
        return syntax
    skipped_lines = settings.skip_rows
    if named is None:
        found = find_separator(
            head.path,
            text,
            syntax,
            at_end=head.is_whole,
            has_header=settings.header,
            skipped_lines=skipped_lines,
        )
        return replace(syntax, separator=found)
    syntax = replace(syntax, separator=named)
    if settings.header:
        refuse_title(head.path, text, syntax, at_end=head.is_whole, skipped_lines=skipped_lines + 1)
    return syntax


def _read_head(file: SourceFile | str, encoding_told: str) -> _Head:
    path = file if isinstance(file, str) else file.path
    with opened(file) as handle:
        head = read_up_to(handle, _HEAD_BYTES)
        encoding = find_encoding(path, head, handle, encoding_told)
    is_whole = len(head) < _HEAD_BYTES
    text = as_utf8(BytesIO(head[encoding.mark_bytes :]), encoding.codec)
    return _Head(path, encoding, read_up_to(text, 4 * _HEAD_BYTES), is_whole)


def _line_end(head: bytes, settings: CsvSettings) -> str:
    if settings.line_end != "auto":
        return "\r" if settings.line_end == "cr" else "\n"
    if b"\r" not in head:
        return "\n"
    outside_quotes = b"".join(head.split(settings.quote.encode())[::2]) if settings.quote else head
    text = outside_quotes if b"\n" in outside_quotes or b"\r" in outside_quotes else head
    carriage_return, line_feed = text.find(b"\r"), text.find(b"\n")
    if (
        carriage_return < 0
        or 0 <= line_feed <= carriage_return + 1
        or DOUBLED_RETURN.match(text, carriage_return)
    ):
        return "\n"
    return "\r"


def _has_doubled_return(head: bytes, quote: str) -> bool:
    """Return whether the first line outside quotes ends in CR CR LF."""
    if b"\r" not in head:
        return False
    outside_quotes = b"".join(head.split(quote.encode())[::2]) if quote else head
    return DOUBLED_RETURN.match(outside_quotes, outside_quotes.find(b"\r")) is not None and (
        outside_quotes.find(b"\n") == outside_quotes.find(b"\r") + 2
    )


def _after_lines(head: _Head, line_end: str, lines: int) -> int:
    end = 0
    for _ in range(lines):
        end = head.text.find(line_end.encode(), end) + 1
        if end == 0:
            raise bad_header(head.path, f"it has only the {lines} lines that csv.skip_rows skips")
    return end


def _words(syntax: Syntax, first: bytes, settings: CsvSettings) -> str:
    line_end = "CR" if syntax.line_end == "\r" else "CRLF" if first.endswith(b"\r\n") else "LF"
    line_end = "CR CR LF" if syntax.doubled_return else line_end
    words = [
        "CSV",
        f"{in_words(syntax.separator)} between fields",
        f"'{syntax.quote}' around them" if syntax.quote else "no quotes",
        f"'{syntax.escape}' before characters that are text" if syntax.escape else "",
        f"also before {syntax.also_escaped}" if syntax.also_escaped else "",
        line_end,
        syntax.encoding,
        "" if settings.header else "no header",
    ]
    return ", ".join(filter(None, words))
