"""Read a CSV file in blocks of whole records: counted first, parsed only if somebody wants the rows.

Rules kept here:

1. A row is a record, empty lines aside. Its fields are text; an empty field, quoted or not, holds no
   value: CSV knows no other way to write that (many exporters quote every field).
2. A record with a wrong number of fields, wrong quotes or bytes that are no text in the file's encoding is
   told with its position and why; it never shifts, cuts or empties a value.
3. What is regular is parsed by polars, which fills up short records in silence; so a block counts as
   regular only if its separators, quotes and line ends add up, and it holds no escape and no comment. All
   others go to ``csv_records``.
4. A file is read from its first byte to its last: it may be a stream that knows no way back.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from loader.errors import ExtractError
from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.csv.dialect import Dialect
from loader.formats.csv.parse import parse_csv
from loader.formats.csv.records import MAX_RECORD_BYTES, ReadRecords, Syntax, read_records
from loader.model import SourceFile
from loader.sources.files import opened
from loader.sources.transcoding import Readable, as_utf8, read_up_to

BLOCK_BYTES = 4 * 2**20
"""How much is read at a time: polars is at its fastest from about here on (0.8 us a row of 20 columns)."""

EMPTY_LINE = {"\n": re.compile(rb"\n\r?\n"), "\r": re.compile(rb"\r\r")}


class RecordBlock:
    """Some whole records of a file, in order.

    Args:
        rows: How many rows it holds.
        text: The records.
        dialect: How they are written.
        judged: What they hold, if they are not regular.
    """

    def __init__(self, rows: int, text: bytes, dialect: Dialect, judged: ReadRecords | None = None) -> None:
        self.rows = rows
        self._text = text
        self._dialect = dialect
        self._judged = judged

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows as text, and the records that cannot be rows.

        A bad record is a row without values in the frame, so that positions stay what they are.
        """
        frame = self._fast_frame() if self._judged is None else None
        judged = self._judged
        if frame is None:
            judged = judged or _judge(self._text, self._dialect, at_end=True)
            frame = _frame_of(judged, len(self._dialect.columns))
        bad = [] if judged is None else _bad_records(judged)
        position = {name: str(number) for number, name in enumerate(self._dialect.columns)}
        wanted = [pl.col(position[name]).alias(name) for name in columns]
        quote = self._dialect.syntax.quote.encode()
        if judged is not None or (quote and quote * 2 in self._text):
            wanted = [pl.when(column != "").then(column) for column in wanted]
        return frame.select(wanted), bad

    def texts(self, indexes: Iterable[int]) -> Iterator[bytes]:
        """Yield the records at some positions as they stand in the file, in UTF-8, each with its line end."""
        judged = self._judged or _judge(self._text, self._dialect, at_end=True)
        line_end = self._dialect.syntax.line_end.encode()
        for index in indexes:
            start, end = judged.places[index]
            text = self._text[start:end]
            yield text if text.endswith(line_end) else text + line_end

    def _fast_frame(self) -> pl.DataFrame | None:
        """Return the fields if no record is too long: as separators add up, none is too short then."""
        syntax, columns = self._dialect.syntax, len(self._dialect.columns)
        try:
            frame = parse_csv(self._text, columns, syntax.separator, syntax.quote, syntax.line_end)
        except pl.exceptions.PolarsError:
            return None
        return frame if frame.height == self.rows else None


def _frame_of(judged: ReadRecords, columns: int) -> pl.DataFrame:
    nothing = [None] * columns
    rows = [nothing if isinstance(record, RecordFault) else record for record in judged.records]
    schema = {str(number): pl.String for number in range(columns)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _bad_records(judged: ReadRecords) -> list[BadRecord]:
    told = zip(judged.records, judged.texts, strict=True)
    return [
        BadRecord(index, record, text)
        for index, (record, text) in enumerate(told)
        if isinstance(record, RecordFault)
    ]


def read_blocks(
    file: SourceFile | str, dialect: Dialect, block_bytes: int = BLOCK_BYTES
) -> Iterator[RecordBlock]:
    """Read a file from its first record to its end; closing the iterator closes the file.

    Raises:
        ExtractError: The file cannot be read, a record is longer than MAX_RECORD_BYTES, or the file ends
            inside quotes.
    """
    rows = 0
    with opened(file) as handle:
        read_up_to(handle, dialect.encoding.mark_bytes)
        text = as_utf8(handle, dialect.encoding.codec)
        rest = _after(text, dialect.data_offset)
        while True:
            read = text.read(block_bytes)
            block, rest = _first_block(rest + read, dialect, at_end=not read)
            rows += block.rows
            if len(rest) > MAX_RECORD_BYTES or (rest and not read):
                raise _never_closed(file if isinstance(file, str) else file.path, rows)
            if block.rows:
                yield block
            if not read:
                return


def read_preamble(file: SourceFile | str, dialect: Dialect) -> bytes:
    """Return what stands before the first record, in UTF-8: the header, and what the job skips.

    Raises:
        ExtractError: The file cannot be read.
    """
    with opened(file) as handle:
        read_up_to(handle, dialect.encoding.mark_bytes)
        return read_up_to(as_utf8(handle, dialect.encoding.codec), dialect.data_offset)[: dialect.data_offset]


def _after(text: Readable, data_offset: int) -> bytes:
    """Skip what is before the first record; return what was read beyond."""
    read = b""
    while len(read) < data_offset and (piece := text.read(data_offset - len(read))):
        read += piece
    return read[data_offset:]


def _first_block(text: bytes, dialect: Dialect, *, at_end: bool) -> tuple[RecordBlock, bytes]:
    end = len(text) if at_end else _last_record_end(text, dialect.syntax)
    body = text[:end]
    rows = _regular_rows(body, dialect) if body else None
    if rows is not None:
        return RecordBlock(rows, body, dialect), text[end:]
    judged = _judge(text, dialect, at_end=at_end)
    used = text[: judged.used_bytes]
    return RecordBlock(len(judged.records), used, dialect, judged), text[judged.used_bytes :]


def _judge(text: bytes, dialect: Dialect, *, at_end: bool) -> ReadRecords:
    return read_records(text, dialect.syntax, columns=len(dialect.columns), at_end=at_end)


def _last_record_end(text: bytes, syntax: Syntax) -> int:
    """Return where the last whole record ends, if quotes are only where they belong."""
    line_end, quote = syntax.line_end.encode(), syntax.quote.encode()
    end = text.rfind(line_end)
    quotes = text.count(quote, 0, max(end, 0)) if quote else 0
    while end >= 0 and quotes % 2:
        # Line ends after the last quote are inside of what it opened.
        before = text.rfind(line_end, 0, text.rfind(quote, 0, end))
        quotes -= text.count(quote, max(before, 0), end)
        end = before
    return end + 1


def _regular_rows(body: bytes, dialect: Dialect) -> int | None:
    """Return the number of rows if every record has all fields and is quoted by the book."""
    syntax = dialect.syntax
    separator, line_end = syntax.separator.encode(), syntax.line_end.encode()
    if syntax.line_end == "\r":
        if b"\n" in body:
            return None
    elif b"\r" in body and body.count(b"\r") != body.count(b"\r\n"):
        return None
    if _has_more_than_fields(body, syntax):
        return None
    outside = _outside_quotes(body, syntax)
    if outside is None or body.startswith((line_end, b"\r\n")):
        return None
    if any(map(EMPTY_LINE[syntax.line_end].search, outside)):
        return None
    rows = sum(piece.count(line_end) * times for piece, times in outside.items())
    rows += not body.endswith(line_end)
    separators = sum(piece.count(separator) * times for piece, times in outside.items())
    return rows if separators == rows * (len(dialect.columns) - 1) else None


def _has_more_than_fields(body: bytes, syntax: Syntax) -> bool:
    """Return whether there is what polars does not know: escapes, comments, a separator of many bytes."""
    if not (syntax.separator + syntax.quote).isascii() or (syntax.escape and syntax.escape.encode() in body):
        return True
    comment = syntax.comment.encode()
    return bool(comment) and (body.startswith(comment) or syntax.line_end.encode() + comment in body)


def _outside_quotes(body: bytes, syntax: Syntax) -> Counter[bytes] | None:
    """Return the pieces of a text outside its quotes, or None if a quote is where none belongs."""
    quote = syntax.quote.encode()
    if not quote or quote not in body:
        return Counter((body,))
    pieces = body.split(quote)
    if len(pieces) % 2 == 0:
        return None
    boundary = (syntax.separator.encode(), syntax.line_end.encode())
    after_quote = (*boundary, b"\r\n") if syntax.line_end == "\n" else boundary
    between = Counter(pieces[2:-1:2])
    # An empty piece between two quoted texts is a quote written twice inside one.
    fits = all(not piece or (piece.startswith(after_quote) and piece.endswith(boundary)) for piece in between)
    fits = fits and (not pieces[0] or pieces[0].endswith(boundary))
    fits = fits and (not pieces[-1] or pieces[-1].startswith(after_quote))
    if not fits:
        return None
    between.update((pieces[0], pieces[-1]))
    return between


def _never_closed(path: str, row: int) -> ExtractError:
    return ExtractError(
        "A quote in the CSV file is never closed.",
        where=f"{path}, row {row + 1:,}",
        why=f"the record goes on for more than {MAX_RECORD_BYTES:,} bytes, or to the end of the file",
        next_step='Repair that row; or switch quoting off with csv.quote = "".',
    )
