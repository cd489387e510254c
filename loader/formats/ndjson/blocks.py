"""Read an NDJSON file in blocks of whole lines: counted first, parsed only if the rows are needed.

Rules kept here:

1. A row is a line; blank lines are not rows.
2. A line that cannot become a row is rejected with its position and the reason: it is not an object, it is
   nested too deeply, or it has a key that is neither in the first rows nor a column of the dataset.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from loader.errors import ExtractError
from loader.exact_json import Digits
from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.comma_columns import NO_COMMAS, CommaColumns
from loader.formats.csv.records import MAX_READABLE_BYTES, MAX_RECORD_BYTES
from loader.formats.ndjson.lines import read_line, with_json
from loader.model import SourceFile
from loader.reject_code import RejectCode
from loader.sources.file_format import BYTE_ORDER_MARK
from loader.sources.files import opened

NDJSON_BLOCK_BYTES = 2**20
"""Bytes to read at a time. Lines are parsed one by one, so more would not be faster."""

LATE_KEY = "a key that is not in the file's first rows and is not a column of the dataset"


class LineBlock:
    """Some consecutive whole lines of a file.

    Args:
        text: The lines.
    """

    def __init__(self, text: bytes) -> None:
        self._lines = [line for line in text.split(b"\n") if line.strip()]
        self.rows = len(self._lines)

    def line(self, index: int) -> bytes:
        """Return the line of a row, without its line end."""
        return self._lines[index]

    def objects(self) -> Iterator[dict[str, Any] | RecordFault]:
        """Yield the object of each row, or the reason why it has none."""
        return map(read_line, self._lines)

    def parse(
        self,
        columns: Sequence[str],
        known: frozenset[str] | None = None,
        commas: CommaColumns = NO_COMMAS,
    ) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows as text, and the lines that cannot become rows.

        A bad line is a row without values in the frame, so that positions do not change.

        Args:
            columns: The wanted keys.
            known: The permitted keys, or None for any.
            commas: The columns with a decimal comma.
        """
        objects = self._objects_with(commas) if commas.names else self.objects()
        rows = [_checked(row, known) for row in objects]
        kinds = set().union(*(map(type, row.values()) for row in rows if isinstance(row, dict)))
        if kinds & {dict, list}:
            lines = zip(rows, self._lines, strict=True)
            rows = [_flat(row, line, columns) for row, line in lines]
        members = [_NOTHING if isinstance(row, RecordFault) else row for row in rows]
        frame = pl.DataFrame({name: _texts(members, name, any_word=bool in kinds) for name in columns})
        return frame, [
            BadRecord(index, row, _readable(self._lines[index]))
            for index, row in enumerate(rows)
            if isinstance(row, RecordFault)
        ]

    def _objects_with(self, commas: CommaColumns) -> Iterator[dict[str, Any] | RecordFault]:
        """Yield the same, with the numbers of some columns as their rules read them."""
        for line in self._lines:
            row = read_line(line, marks_fractions=True)
            if isinstance(row, RecordFault):
                yield row
                continue
            numbers = {name: str(value) for name, value in row.items() if isinstance(value, Digits)}
            faults = (commas.fault(name, number) for name, number in numbers.items())
            yield next(filter(None, faults), None) or {
                **row,
                **{name: commas.written(name, number) for name, number in numbers.items()},
            }


_Row = dict[str, Any] | RecordFault

_NOTHING: dict[str, Any] = {}

_WORDS = {True: "true", False: "false"}


def _checked(row: _Row, known: frozenset[str] | None) -> _Row:
    if isinstance(row, RecordFault) or known is None or known.issuperset(row):
        return row
    late = next((key for key, value in row.items() if key not in known and value is not None), None)
    return row if late is None else RecordFault(RejectCode.UNKNOWN_KEY, LATE_KEY, late)


def _flat(row: _Row, line: bytes, columns: Sequence[str]) -> _Row:
    if isinstance(row, RecordFault):
        return row
    nested = any(isinstance(row.get(name), (dict, list)) for name in columns)
    return with_json(line, columns) if nested else row


def _texts(rows: Sequence[dict[str, Any]], name: str, *, any_word: bool) -> pl.Series:
    values = [row.get(name) for row in rows]
    if any_word:
        values = [_WORDS[value] if isinstance(value, bool) else value for value in values]
    return pl.Series(name, values, pl.String)


def _readable(line: bytes) -> str:
    return line[:MAX_READABLE_BYTES].decode(errors="backslashreplace").strip()


def read_lines(file: SourceFile, block_bytes: int = NDJSON_BLOCK_BYTES) -> Iterator[LineBlock]:
    """Read a file from its first line to its end; closing the iterator closes the file.

    Raises:
        ExtractError: The file cannot be read, or a line is longer than MAX_RECORD_BYTES.
    """
    rows = 0
    with opened(file) as handle:
        rest = handle.read(len(BYTE_ORDER_MARK)).removeprefix(BYTE_ORDER_MARK)
        while True:
            read = handle.read(block_bytes)
            text = rest + read
            end = text.rfind(b"\n") + 1 if read else len(text)
            block, rest = LineBlock(text[:end]), text[end:]
            rows += block.rows
            if len(rest) > MAX_RECORD_BYTES:
                raise _too_long(file.path, rows)
            if block.rows:
                yield block
            if not read:
                return


def _too_long(path: str, row: int) -> ExtractError:
    return ExtractError(
        "A line of the NDJSON file is too long.",
        where=f"{path}, row {row + 1:,}",
        why=f"it has more than {MAX_RECORD_BYTES:,} bytes",
        next_step="each line must be one object; jq -c writes such files",
    )
