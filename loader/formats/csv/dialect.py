"""How a CSV file is written: encoding, separator, quote, line end, and the names of its columns.

Rules kept here:

1. Nothing about values is guessed: every field is text. Only how the file is written is looked for, in its
   head, and only where the user did not tell.
2. Lines ended by LF and CRLF are one dialect (a file may mix them); lines ended by a lone CR another.
3. A dialect is a function of the file's bytes and the csv settings. Both are compared when a load is
   resumed, so what was found need not be stored to be found again.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from io import BytesIO

from loader.errors import ExtractError
from loader.formats.csv.records import Syntax, read_records
from loader.formats.csv.separator import find_separator, in_words
from loader.job import CsvSettings
from loader.model import SourceFile
from loader.sources.encodings import Encoding, find_encoding
from loader.sources.files import opened
from loader.sources.transcoding import as_utf8, read_up_to

HEAD_BYTES = 2**20
"""How much of a file is looked at to find out how it is written."""

SEPARATOR_LINE = re.compile(rb'"?sep=([\t !#-~])"?(?:\r\n|\n|\r)')
"""What Excel writes, and reads, before the header."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one CSV file is written.

    Attributes:
        syntax: What its characters mean.
        encoding: The encoding of its text.
        columns: The names of its columns, all different.
        data_offset: Where its first record begins: a position in its text, as UTF-8 without mark.
        words: All this for people.
    """

    syntax: Syntax
    encoding: Encoding
    columns: tuple[str, ...]
    data_offset: int
    words: str


@dataclass(frozen=True, slots=True)
class _Head:
    """The first part of a file's text.

    Attributes:
        path: The file.
        encoding: Its encoding.
        text: The text, in UTF-8 without mark.
        is_whole: Whether the file ends with it.
    """

    path: str
    encoding: Encoding
    text: bytes
    is_whole: bool


def read_dialect(file: SourceFile | str, settings: CsvSettings) -> Dialect:
    """Look at the head of a CSV file.

    Raises:
        ExtractError: The file cannot be read, it is not clear how it is written, or it has no usable header.
    """
    head = _read_head(file, settings.encoding)
    path = head.path
    line_end = _line_end(head.text, settings)
    start = _after_lines(head, line_end, settings.skip_rows)
    told = SEPARATOR_LINE.match(head.text, start)
    syntax = Syntax(
        separator=settings.separator if told is None else told[1].decode(),
        quote=settings.quote,
        line_end=line_end,
        escape=settings.escape,
        comment=settings.comment,
        encoding=head.encoding.words,
    )
    start = start if told is None else told.end()
    text = head.text[start:]
    if settings.separator != "auto":
        syntax = replace(syntax, separator=settings.separator)
    elif told is None:
        syntax = replace(syntax, separator=find_separator(path, text, syntax, at_end=head.is_whole))
    read = read_records(text, syntax, columns=None, at_end=head.is_whole, most=1)
    first = read.records[0] if read.records else None
    if not isinstance(first, list):
        raise _bad_header(path, first.reason if first else "no line end was found in its first MiB")
    return Dialect(
        syntax=syntax,
        encoding=head.encoding,
        columns=_names(path, first, settings),
        data_offset=start + (read.used_bytes if settings.header else 0),
        words=_words(syntax, text[: read.used_bytes], settings),
    )


def _read_head(file: SourceFile | str, encoding_told: str) -> _Head:
    path = file if isinstance(file, str) else file.path
    with opened(file) as handle:
        head = read_up_to(handle, HEAD_BYTES)
        encoding = find_encoding(path, head, handle, encoding_told)
    is_whole = len(head) < HEAD_BYTES
    text = as_utf8(BytesIO(head[encoding.mark_bytes :]), encoding.codec)
    return _Head(path, encoding, read_up_to(text, 4 * HEAD_BYTES), is_whole)


def _line_end(head: bytes, settings: CsvSettings) -> str:
    if settings.line_end != "auto":
        return "\r" if settings.line_end == "cr" else "\n"
    outside_quotes = b"".join(head.split(settings.quote.encode())[::2]) if settings.quote else head
    text = outside_quotes if b"\n" in outside_quotes or b"\r" in outside_quotes else head
    carriage_return, line_feed = text.find(b"\r"), text.find(b"\n")
    if carriage_return < 0 or (0 <= line_feed <= carriage_return + 1):
        return "\n"
    return "\r"


def _after_lines(head: _Head, line_end: str, lines: int) -> int:
    end = 0
    for _ in range(lines):
        end = head.text.find(line_end.encode(), end) + 1
        if end == 0:
            raise _bad_header(head.path, f"it has no more than the {lines} lines of csv.skip_rows")
    return end


def _names(path: str, first: list[str], settings: CsvSettings) -> tuple[str, ...]:
    if settings.columns:
        names = list(settings.columns)
        if len(names) != len(first):
            raise _bad_header(path, f"csv.columns names {len(names)} columns, and the file has {len(first)}")
    elif settings.header:
        names = [name.strip() or f"(column {number})" for number, name in enumerate(first, start=1)]
    else:
        names = [f"column_{number}" for number in range(1, len(first) + 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _bad_header(path, f"it names more than one column {', '.join(map(repr, twice[:5]))}")
    return tuple(names)


def _words(syntax: Syntax, first: bytes, settings: CsvSettings) -> str:
    line_end = "CR" if syntax.line_end == "\r" else "CRLF" if first.endswith(b"\r\n") else "LF"
    words = [
        "CSV",
        f"{in_words(syntax.separator)} between fields",
        f"'{syntax.quote}' around them" if syntax.quote else "no quotes",
        f"'{syntax.escape}' before what is text" if syntax.escape else "",
        line_end,
        syntax.encoding,
        "" if settings.header else "no header",
    ]
    return ", ".join(filter(None, words))


def _bad_header(path: str, why: str) -> ExtractError:
    return ExtractError(
        "The header of the CSV file cannot be used.",
        where=path,
        why=why,
        next_step="The first line must name the columns; see csv.separator, csv.quote, csv.line_end, "
        "csv.skip_rows, and csv.header for files without one.",
    )
