r"""Read CSV records one by one, and report what is wrong with those that cannot become rows.

This is slower than polars, but exact where polars is silent (too few fields become nulls) or rejects a whole
text (one stray quote). So only the irregular pieces of a file are read here.

Rules kept here:

1. A quote opens a quoted field only at the field's start. Elsewhere in an unquoted field it is an ordinary
   character (the ``csv`` module's reading of RFC 4180).
2. Empty lines and comments are not rows. A line of separators only is counted and left out, unless the user
   wants it rejected. A row that cannot be used is reported. It is repaired only if a setting permits that or
   if nothing is lost.
3. A record with inconsistent quotes is rejected as a whole (`record_end`): its rest never becomes a row.
4. An escape makes a separator, quote, escape or line end part of the field. Before other characters it is an
   ordinary character: MySQL's ``\N`` stays ``\N``, so that null words can match it.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from loader.formats.bad_record import RecordFault
from loader.formats.csv.record_end import end_of_broken_record, end_with_blanks
from loader.formats.csv.syntax import Syntax
from loader.formats.csv.tolerance import (
    after_blanks,
    fields_with_blanks,
    fit,
    holds_rows,
    is_empty_row,
)
from loader.reject_code import RejectCode

MAX_RECORD_BYTES = 8 * 2**20
"""Maximum size of a CSV record: eight times an event. A longer record means that a quote was never closed."""

EMPTY_LINES = {"\n": re.compile(rb"[\r\n]*\n"), "\r": re.compile(rb"\r+")}

DO_NOT_FIT = RecordFault(RejectCode.BROKEN_QUOTES, "inconsistent quotes or line ends")

LOOKS_LIKE_ROWS = RecordFault(
    RejectCode.BROKEN_QUOTES,
    "a text that looks like rows of the file, as after an unclosed quote "
    '(csv.row_like_texts = "accept" treats it as a text)',
)

EMPTY_ROW = RecordFault(RejectCode.WRONG_FIELD_COUNT, "a row of separators only")
"""Fault of a record that is counted and left out."""

MAX_READABLE_BYTES = 4 * 200
"""Bytes of an unusable record that are kept: enough for the 200 characters that are reported."""


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """The records in a piece of CSV.

    Attributes:
        records: For each record its fields, or why it cannot be used.
        texts: For each record its text, clipped, if it cannot be used; otherwise an empty text.
        places: For each record its start and end, including its line end.
        used_bytes: Start of the first incomplete record.
        unclosed: Whether the text ends inside quotes.
        empty_rows: Number of lines of separators only. If the number of fields is known, they are records
            with the fault EMPTY_ROW; otherwise they are not records.
    """

    records: list[list[str] | RecordFault]
    texts: list[str]
    places: list[tuple[int, int]]
    used_bytes: int
    unclosed: bool = False
    empty_rows: int = 0


def read_records(
    text: bytes, syntax: Syntax, *, columns: int | None, at_end: bool, most: int | None = None
) -> ReadRecords:
    """Read the whole records at the start of ``text``.

    Args:
        text: CSV in UTF-8 that begins with a record.
        syntax: The meaning of its characters.
        columns: Required number of fields in a record, or None for any number.
        at_end: Whether the file ends with ``text``, so that its last record needs no line end.
        most: Maximum number of records to read.
    """
    lines = _Lines(text, syntax, at_end=at_end)
    reader = _reader(lines, syntax)
    records: list[list[str] | RecordFault] = []
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    used_bytes = empty_rows = 0
    while most is None or len(records) < most:
        start = used_bytes = lines.skip_to_record()
        try:
            record = _next_record(reader, lines, start, syntax, columns)
        except StopIteration:
            break
        except EOFError:
            return ReadRecords(records, texts, places, used_bytes, unclosed=True, empty_rows=empty_rows)
        used_bytes = lines.used_bytes
        if not record:
            continue
        if record is EMPTY_ROW:
            empty_rows += 1
            if columns is None:
                continue
        records.append(record)
        places.append((start, used_bytes))
        texts.append(readable(text[start:used_bytes]) if isinstance(record, RecordFault) else "")
    return ReadRecords(records, texts, places, used_bytes, empty_rows=empty_rows)


def _next_record(
    reader: Iterator[list[str]], lines: "_Lines", start: int, syntax: Syntax, columns: int | None
) -> list[str] | RecordFault:
    """Return the fields of the next record, or its fault; no fields for an empty line.

    Raises:
        StopIteration: No record is left.
        EOFError: The text ends inside quotes.
    """
    try:
        fields = next(reader)
    except csv.Error:
        if lines.exhausted or not lines.read_to_end_of_broken_record(start, columns):
            raise EOFError from None
        with_blanks = lines.read_fields_with_blanks(start, columns) if syntax.drops_blanks else None
        if with_blanks is None:
            return DO_NOT_FIT
        fields = with_blanks
    else:
        if lines.may_have_quotes_after_blanks and (opened := after_blanks(fields, syntax)):
            with_blanks = lines.read_fields_with_blanks(start, columns)
            if with_blanks is not None:
                fields = with_blanks
            elif any(field.count(syntax.quote) % 2 for field in opened):
                return DO_NOT_FIT  # a quote opens a text that other fields or lines belong to
    if syntax.skips_empty_rows and is_empty_row(fields, lines.since(start), syntax):
        return EMPTY_ROW
    fault = _fault(fields, columns, syntax)
    if fault is None and _drops_line_end(fields, lines.since(start), syntax):
        fault = DO_NOT_FIT
    return fields if fault is None else fault


def _reader(lines: Iterator[str], syntax: Syntax) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES))
    return csv.reader(
        lines,
        delimiter=syntax.separator,
        quotechar=syntax.quote or None,
        quoting=csv.QUOTE_MINIMAL if syntax.quote else csv.QUOTE_NONE,
        escapechar=syntax.escape or None,
        strict=True,
    )


class _Lines(Iterator[str]):
    """The lines of a text for the csv module; tracks how far it was read."""

    def __init__(self, text: bytes, syntax: Syntax, *, at_end: bool) -> None:
        self.used_bytes = 0
        self.exhausted = False
        self.may_have_quotes_after_blanks = syntax.drops_blanks and any(
            blank + syntax.quote.encode() in text for blank in (b" ", b"\t")
        )
        self._text = text
        self._record_began = 0
        # If quotes can be escaped, only the csv module can find the quote that ends a field.
        self._closing_quote = b"" if syntax.escape else syntax.quote.encode()
        self._syntax = syntax
        self._line_end = syntax.line_end.encode()
        self._empty_lines = EMPTY_LINES[syntax.line_end]
        self._comment = syntax.comment.encode()
        self._at_end = at_end
        self._escape = syntax.escape
        self._escaped = re.compile(re.escape(syntax.escape) + r"(\r\n|.|\Z)", re.DOTALL)
        special = {syntax.separator, syntax.quote, syntax.escape, "\r", "\n"} - {""}
        self._escapable = special.union(syntax.also_escaped)

    def since(self, start: int) -> bytes:
        """Return the part of the text that was read since a position."""
        return self._text[start : self.used_bytes]

    def read_to_end_of_broken_record(self, start: int, columns: int | None) -> bool:
        """Read on to the end of a record with inconsistent quotes; False if the text ends before it."""
        end = end_of_broken_record(self._text, start, self._syntax, columns=columns, at_end=self._at_end)
        self.used_bytes = len(self._text) if end is None else end
        return end is not None

    def read_fields_with_blanks(self, start: int, columns: int | None) -> list[str] | None:
        """Return the fields of a record without blanks around quoted fields; None if it is not valid then.

        A record that goes on in the next lines must have a field for each column.

        Raises:
            EOFError: The text ends inside quotes.
        """
        if self._escape:
            return None
        end = end_with_blanks(self._text, start, self.used_bytes, self._syntax, at_end=self._at_end)
        fields = None if end is None else fields_with_blanks(self._text[start:end], self._syntax)
        if end is None or fields is None:
            return None
        is_longer = end > self.used_bytes
        self.used_bytes = max(end, self.used_bytes)
        return None if is_longer and columns not in (None, len(fields)) else fields

    def skip_to_record(self) -> int:
        """Skip comments and empty lines before a record; return the start of the record."""
        while True:
            # The csv module would read empty lines one by one, which is slow for millions.
            if empty := self._empty_lines.match(self._text, self.used_bytes):
                self.used_bytes = empty.end()
            self._record_began = self.used_bytes
            if not (self._comment and self._text.startswith(self._comment, self.used_bytes)):
                return self.used_bytes
            end = self._end(self.used_bytes)
            if end <= self.used_bytes:
                return self.used_bytes
            self.used_bytes = end

    def __next__(self) -> str:
        searched_from = self.used_bytes
        if self._closing_quote and self.used_bytes > self._record_began:
            # A record continues only inside quotes. The text up to the line that may close them is one field;
            # the csv module would read a million short lines of it one by one.
            searched_from = self._text.find(self._closing_quote, self.used_bytes)
        end = self._end(searched_from) if searched_from >= 0 else 0
        if end <= self.used_bytes:
            self.exhausted = True
            raise StopIteration
        line = self._text[self.used_bytes : end].decode(errors="surrogateescape")
        self.used_bytes = end
        return self._escaped.sub(self._for_csv, line) if self._escape and self._escape in line else line

    def _end(self, searched_from: int) -> int:
        end = self._text.find(self._line_end, searched_from) + 1
        return len(self._text) if end == 0 and self._at_end else end

    def _for_csv(self, escaped: re.Match[str]) -> str:
        """Escape what csv would misread: it drops every escape, and does not support an escaped CRLF."""
        if escaped[1] == "\r\n":
            return f"{self._escape}\r{self._escape}\n"
        return escaped[0] if escaped[1] in self._escapable else self._escape + escaped[0]


def _fault(fields: list[str], columns: int | None, syntax: Syntax) -> RecordFault | None:
    """Return why a record cannot be used, or None. Fit the record to the columns if permitted."""
    if not fields:
        return None
    try:
        for field in fields:
            field.encode()
    except UnicodeEncodeError:
        return RecordFault(RejectCode.BAD_ENCODING, f"bytes that are not {syntax.encoding}")
    if columns is None:
        return None
    if len(fields) != columns:
        fit(fields, columns, syntax)
    if len(fields) != columns:
        return _wrong_count(fields, columns)
    if syntax.rejects_row_like_texts and any(holds_rows(field, syntax, columns) for field in fields):
        return LOOKS_LIKE_ROWS
    return None


def _wrong_count(fields: list[str], columns: int) -> RecordFault:
    fields_there = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    reason = f"{fields_there} where the file has {'1 column' if columns == 1 else f'{columns} columns'}"
    if len(fields) < columns:
        reason += ' (csv.short_rows = "fill" treats missing fields at the end as empty)'
    elif not any(fields[columns:]):
        reason += ' (csv.surplus_fields = "drop" drops empty fields at the end)'
    return RecordFault(RejectCode.WRONG_FIELD_COUNT, reason)


def _drops_line_end(fields: list[str], record: bytes, syntax: Syntax) -> bool:
    """Return whether the record also ends with a line end of another kind, which csv would drop."""
    if not fields or (syntax.escape and fields[-1].endswith(("\r", "\n"))):
        return False  # the line end was escaped and kept
    if syntax.line_end == "\r":
        return record.removesuffix(b"\r").endswith(b"\n")
    end = record.removesuffix(b"\n").removesuffix(b"\r")
    return end.removesuffix(b"\r" if syntax.doubled_return else b"").endswith(b"\r")


def readable(record: bytes) -> str:
    """Return the start of a record as a text for people."""
    return record[:MAX_READABLE_BYTES].decode(errors="backslashreplace").rstrip("\r\n")
