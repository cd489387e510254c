"""Read a CSV file in blocks of whole records: counted first, parsed only if the rows are needed.

Rules kept here:

1. A row is a record; empty lines are not rows. Fields are text. An empty field, quoted or not, has no value,
   because CSV has no other form for that (many exporters quote every field).
2. A record with a wrong number of fields, wrong quotes or bytes that are invalid in the file's encoding is
   reported with its position and the reason. It never shifts, cuts or empties a value.
3. polars parses regular blocks. It silently fills up short records, so a block counts as regular only if its
   separators, quotes and line ends add up, and if it has no escape and no comment. All other blocks go to
   ``read_records``.
4. A file is read once from its first byte to its last, because it may be a stream that cannot seek.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import polars as pl

from loader.errors import ExtractError
from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.csv.dialect import Dialect
from loader.formats.csv.parse import parse_csv
from loader.formats.csv.records import EMPTY_ROW, MAX_RECORD_BYTES, ReadRecords, read_records, readable
from loader.formats.csv.regular import last_record_end, regular_text
from loader.formats.nameless import filled, value_without_name
from loader.model import SourceFile
from loader.reject_code import RejectCode
from loader.sources.files import opened
from loader.sources.transcoding import Readable, as_utf8, read_up_to

CSV_BLOCK_BYTES = 4 * 2**20
"""Bytes to read at a time. From about this size on, polars is fastest (0.8 us per row of 20 columns)."""


MARK = "\ufeff"
"""A byte-order mark that is not the file's first character."""

HEADER_AGAIN = RecordFault(RejectCode.REPEATED_HEADER, "the header again, as in joined files")

MARK_AGAIN = RecordFault(RejectCode.BAD_ENCODING, "a byte-order mark at its start, as in joined files")


class RecordBlock:
    """Some consecutive whole records of a file.

    Args:
        rows: Number of its rows.
        text: The records.
        dialect: Their dialect.
        judged: The parsed records, if they are not regular.
        may_have_empty_texts: Whether a field may be a pair of quotes without a text.

    Attributes:
        first_line: Number of its first line in the file, from 1.
    """

    def __init__(
        self,
        rows: int,
        text: bytes,
        dialect: Dialect,
        judged: ReadRecords | None = None,
        *,
        may_have_empty_texts: bool = True,
    ) -> None:
        self.rows = rows
        self.first_line = 1
        self._text = text
        self._dialect = dialect
        self._judged = judged
        self._may_have_empty_texts = may_have_empty_texts

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows as text, and the records that cannot become rows.

        A bad record is a row without values in the frame, so that positions do not change.
        """
        frame = self._fast_frame() if self._judged is None else None
        judged = self._judged
        if frame is None:
            judged = judged or _judge(self._text, self._dialect, at_end=True)
            frame = _frame_of(judged, len(self._dialect.columns))
        bad = [] if judged is None else self._bad_records(judged)
        position = {name: str(number) for number, name in enumerate(self._dialect.columns)}
        found = _joints(frame, self._dialect.header) if self._may_have_joints() else []
        for name in self._dialect.must_be_empty:
            found += self._values_without_name(frame.get_column(position[name]))
        if found:
            by_index = {record.index: record for record in reversed(found)}
            is_bad = pl.int_range(frame.height, eager=True).is_in([*by_index])
            frame = frame.select(pl.when(~is_bad).then(column) for column in frame.get_columns())
            bad = sorted([*bad, *by_index.values()], key=lambda record: record.index)
        wanted = [pl.col(position[name]).alias(name) for name in columns]
        if judged is not None or self._may_have_empty_texts:
            wanted = [pl.when(column != "").then(column) for column in wanted]
        return frame.select(wanted), bad

    @property
    def plain_text(self) -> bytes | None:
        """The records, each with its line end, if polars can read all of them as rows; otherwise None."""
        if self._judged is not None or self._may_have_joints():
            return None
        line_end = self._dialect.syntax.line_end.encode()
        return self._text if self._text.endswith(line_end) else self._text + line_end

    def texts(self, indexes: Iterable[int]) -> Iterator[bytes]:
        """Yield the records at some positions unchanged, in UTF-8, each with its line end."""
        judged = self._judged or _judge(self._text, self._dialect, at_end=True)
        line_end = self._dialect.syntax.line_end.encode()
        for index in indexes:
            start, end = judged.places[index]
            text = self._text[start:end]
            yield text if text.endswith(line_end) else text + line_end

    def _bad_records(self, judged: ReadRecords) -> list[BadRecord]:
        line_end = self._dialect.syntax.line_end.encode()
        bad = []
        for index, (record, (start, end)) in enumerate(zip(judged.records, judged.places, strict=True)):
            if not isinstance(record, RecordFault):
                continue
            lines = len(self._text[start:end].removesuffix(line_end).split(line_end))
            if lines > 1:
                first = self.first_line + self._text.count(line_end, 0, start)
                reason = f"{record.reason} (lines {first:,} to {first + lines - 1:,} of the file)"
                record = replace(record, reason=reason)  # noqa: PLW2901 - the same fault, with its place
            bad.append(BadRecord(index, record, judged.texts[index], lines, left_out=record is EMPTY_ROW))
        return bad

    def _values_without_name(self, texts: pl.Series) -> list[BadRecord]:
        """Return the rows with a value in a column that must be empty. Its series has its number as name."""
        indexes = filled(texts).arg_true().to_list()
        fault = value_without_name(int(texts.name) + 1)
        records = self.texts(indexes) if indexes else ()
        return [
            BadRecord(index, fault, readable(record)) for index, record in zip(indexes, records, strict=True)
        ]

    def _may_have_joints(self) -> bool:
        """Return whether the text contains every sign of a joint; a search is cheap."""
        if MARK.encode() in self._text:
            return True
        quote = self._dialect.syntax.quote
        names = [name for name in self._dialect.header if not (quote and quote in name)]
        # A long name is the least likely to be in a row.
        ordered = sorted(names, key=len, reverse=True)
        return bool(self._dialect.header) and all(name.encode() in self._text for name in ordered)

    def _fast_frame(self) -> pl.DataFrame | None:
        """Return the fields if no record is too long. As the separators add up, none is too short then."""
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


def _joints(frame: pl.DataFrame, header: Sequence[str]) -> list[BadRecord]:
    """Return the rows that mark where files were joined: a repeated header, or a byte-order mark."""
    first = frame["0"].fill_null("")
    marked = first.str.starts_with(MARK)
    again = _is(first.str.strip_prefix(MARK).str.strip_chars('"'), header[0]) if header else marked & ~marked
    for number, name in enumerate(header[1:], start=1):
        if not again.any():
            break
        again &= _is(frame[str(number)].fill_null(""), name)
    repeated = [BadRecord(index, HEADER_AGAIN, "") for index in again.arg_true()]
    return repeated + [BadRecord(index, MARK_AGAIN, "") for index in (marked & ~again).arg_true()]


def _is(texts: pl.Series, name: str) -> pl.Series:
    return (texts == name) | (texts.str.strip_chars() == name)


def read_blocks(
    file: SourceFile | str, dialect: Dialect, block_bytes: int = CSV_BLOCK_BYTES
) -> Iterator[RecordBlock]:
    """Read a file from its first record to its end; closing the iterator closes the file.

    Raises:
        ExtractError: The file cannot be read, a record is longer than MAX_RECORD_BYTES, or the file ends
            inside quotes.
    """
    rows, line = 0, dialect.data_line
    with opened(file) as handle:
        read_up_to(handle, dialect.encoding.mark_bytes)
        text = as_utf8(handle, dialect.encoding.codec)
        rest = _after(text, dialect.data_offset)
        while True:
            read = text.read(block_bytes)
            unread = rest + read
            if not unread:
                return
            block, line_ends, rest = _first_block(unread, dialect, at_end=not read)
            block.first_line = line
            rows += block.rows
            line += line_ends
            if len(rest) > MAX_RECORD_BYTES or (rest and not read):
                raise _never_closed(file if isinstance(file, str) else file.path, rows, line)
            if block.rows:
                yield block
            if not read:
                return


def read_preamble(file: SourceFile | str, dialect: Dialect) -> bytes:
    """Return the bytes before the first record, in UTF-8: the header, and lines that the job skips.

    Raises:
        ExtractError: The file cannot be read.
    """
    with opened(file) as handle:
        read_up_to(handle, dialect.encoding.mark_bytes)
        return read_up_to(as_utf8(handle, dialect.encoding.codec), dialect.data_offset)[: dialect.data_offset]


def _after(text: Readable, data_offset: int) -> bytes:
    """Skip everything before the first record; return the bytes read beyond it."""
    read = b""
    while len(read) < data_offset and (piece := text.read(data_offset - len(read))):
        read += piece
    return read[data_offset:]


def _first_block(text: bytes, dialect: Dialect, *, at_end: bool) -> tuple[RecordBlock, int, bytes]:
    """Return the whole records of a text, the number of their line ends, and the rest of the text."""
    syntax = dialect.syntax
    end = len(text) if at_end else last_record_end(text, syntax)
    body = text[:end]
    if syntax.doubled_return and (not syntax.quote or syntax.quote.encode() not in body):
        body = body.replace(b"\r\r\n", b"\r\n")
    regular = regular_text(body, syntax, len(dialect.columns)) if body else None
    if regular is not None:
        block = RecordBlock(regular.rows, body, dialect, may_have_empty_texts=regular.may_have_empty_texts)
        return block, regular.line_ends, text[end:]
    judged = _judge(text, dialect, at_end=at_end)
    used = text[: judged.used_bytes]
    line_ends = used.count(syntax.line_end.encode())
    return RecordBlock(len(judged.records), used, dialect, judged), line_ends, text[judged.used_bytes :]


def _judge(text: bytes, dialect: Dialect, *, at_end: bool) -> ReadRecords:
    return read_records(text, dialect.syntax, columns=len(dialect.columns), at_end=at_end)


def _never_closed(path: str, row: int, line: int) -> ExtractError:
    return ExtractError(
        "A quote in the CSV file is never closed.",
        where=f"{path}, row {row + 1:,}, from line {line:,} on",
        why=f"the record has more than {MAX_RECORD_BYTES:,} bytes, or reaches the end of the file",
        next_step='repair this row, or disable quotes with csv.quote = ""',
    )
