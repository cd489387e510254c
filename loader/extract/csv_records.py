"""Read CSV records one by one, and say what is wrong with each that cannot be a row.

Slower than polars, but exact where polars is silent (too few fields become nulls) or gives up on all of
a text (one stray quote). So it judges only those pieces of a file that look irregular.

Rules kept here:

1. A quote opens a quoted field only at the field's start; anywhere else in an unquoted field it is a
   character like any other (the ``csv`` module's reading of RFC 4180).
2. An empty line is not a row. A row that cannot be used is told, never repaired.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

MAX_RECORD_BYTES = 8 * 2**20
"""Longest CSV record: eight times what the service takes. Longer ones mean a quote was never closed."""

DO_NOT_FIT = "its quotes or line ends do not fit together"

MAX_READABLE_BYTES = 4 * 200
"""How much of an unusable record is kept: enough for the 200 characters that are reported."""


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """What a piece of CSV holds.

    Attributes:
        records: For each record its fields, or why it cannot be used.
        texts: For each record its text, clipped, if it cannot be used; else an empty text.
        used_bytes: Where the first record begins that is not complete.
        unclosed: Whether the text ends inside quotes.
    """

    records: list[list[str] | str]
    texts: list[str]
    used_bytes: int
    unclosed: bool = False


def read_records(
    text: bytes,
    separator: str,
    quote: str,
    line_end: str,
    *,
    columns: int | None,
    at_end: bool,
    most: int | None = None,
) -> ReadRecords:
    r"""Read the whole records at the start of ``text``.

    Args:
        text: CSV that begins with a record.
        separator: Between fields.
        quote: Around fields.
        line_end: Between records: ``\n`` or ``\r``.
        columns: Number of fields that a record must have, or None for any.
        at_end: Whether the file ends with ``text``, so that its last record needs no line end.
        most: Stop after this many records.
    """
    lines = _Lines(text, line_end.encode(), at_end=at_end)
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES))
    reader = csv.reader(lines, delimiter=separator, quotechar=quote, strict=True)
    records: list[list[str] | str] = []
    texts: list[str] = []
    used_bytes = 0
    while most is None or len(records) < most:
        start = lines.used_bytes
        reason: str | None
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error:
            if lines.exhausted:
                return ReadRecords(records, texts, used_bytes, unclosed=True)
            fields, reason = [], DO_NOT_FIT
        else:
            reason = _fault(fields, columns)
            if fields and _has_other_line_end(text[start : lines.used_bytes], line_end):
                reason = reason or DO_NOT_FIT
        used_bytes = lines.used_bytes
        if fields or reason is not None:
            records.append(fields if reason is None else reason)
            texts.append("" if reason is None else _readable(text[start:used_bytes]))
    return ReadRecords(records, texts, used_bytes)


class _Lines(Iterator[str]):
    """The lines of a text, as the csv module wants them; remembers how far it was read."""

    def __init__(self, text: bytes, line_end: bytes, *, at_end: bool) -> None:
        self.used_bytes = 0
        self.exhausted = False
        self._text = text
        self._line_end = line_end
        self._at_end = at_end

    def __next__(self) -> str:
        end = self._text.find(self._line_end, self.used_bytes) + 1
        if end == 0 and self._at_end:
            end = len(self._text)
        if end <= self.used_bytes:
            self.exhausted = True
            raise StopIteration
        line = self._text[self.used_bytes : end]
        self.used_bytes = end
        return line.decode(errors="surrogateescape")


def _fault(fields: list[str], columns: int | None) -> str | None:
    if not fields:
        return None
    try:
        for field in fields:
            field.encode()
    except UnicodeEncodeError:
        return "it holds bytes that are not UTF-8"
    if columns is not None and len(fields) != columns:
        return f"it has {len(fields)} fields where the header has {columns}"
    return None


def _has_other_line_end(record: bytes, line_end: str) -> bool:
    """Return whether the last field ends with a line end of another kind, which csv would drop."""
    if line_end == "\r":
        return record.removesuffix(b"\r").endswith(b"\n")
    return record.removesuffix(b"\n").removesuffix(b"\r").endswith(b"\r")


def _readable(record: bytes) -> str:
    return record[:MAX_READABLE_BYTES].decode(errors="backslashreplace").rstrip("\r\n")
