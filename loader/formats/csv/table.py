"""The rows of a CSV file: blocks of whole records, cut again by rows."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import polars as pl

from loader.errors import ExtractError
from loader.formats.csv.blocks import CSV_BLOCK_BYTES, read_blocks, read_preamble
from loader.formats.csv.dialect import read_dialect
from loader.formats.csv.ragged import ragged_rows
from loader.formats.csv.together import parse_together
from loader.formats.cuts import FileCut
from loader.formats.nameless import empty_columns_note, filled
from loader.formats.rows import Rows
from loader.formats.window_cutter import cut_blocks
from loader.formats.windows import SIZING_ROWS, Piece, Table, mean_row_bytes
from loader.job import CsvSettings
from loader.model import SourceFile
from loader.sources.files import is_unchanged, opened
from loader.sources.transcoding import read_up_to

MOST_WHOLE_BYTES = 8 * 2**20
"""Maximum text of small files to parse at once. Only compressed files can unpack to more."""

_SAMPLES = 8
SAMPLE_BYTES = 2**18
"""Number of places, and bytes in each, that are sampled for the length of lines."""

STREAM_SAMPLE_BYTES = 32 * 2**20
"""Maximum distance of those places in a stream."""


class CsvTable:
    """A CSV file whose header was read. All columns are text: values are not interpreted.

    Args:
        file: The file.
        settings: The CSV settings.
        block_bytes: Bytes to read at a time. The rows do not depend on it.

    Raises:
        ExtractError: The file has no usable header.
    """

    def __init__(self, file: SourceFile, settings: CsvSettings, block_bytes: int = CSV_BLOCK_BYTES) -> None:
        self.file = file
        self._block_bytes = block_bytes
        self.dialect = read_dialect(file, settings)

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """The columns, all of them text."""
        return dict.fromkeys(self.dialect.columns, pl.String())

    @property
    def nameless(self) -> Mapping[str, int | None]:
        """The columns that nothing names, with the row of the first value of each, from 1, or None."""
        return self.dialect.nameless

    def require_empty(self, columns: Sequence[str]) -> None:
        """Set the columns in which a value rejects its row."""
        self.dialect = replace(self.dialect, must_be_empty=tuple(columns))

    @property
    def words(self) -> str:
        """The dialect in words."""
        return self.dialect.words

    @property
    def advice(self) -> Sequence[str]:
        """Notes: a guessed encoding, empty columns, kept escapes, and rows that do not match the header."""
        notes = []
        if self.dialect.encoding.is_guess:
            words = self.dialect.encoding.words
            notes.append(
                f"{self.file.path} is not UTF-8 and was read as {words}: "
                "check its special characters, or set csv.encoding."
            )
        if self.dialect.must_be_empty:
            numbers = [self.dialect.columns.index(name) + 1 for name in self.dialect.must_be_empty]
            notes.append(empty_columns_note(self.file.path, numbers))
        if pair := self.dialect.kept_escape:
            notes.append(
                f"{self.file.path} has {pair} in its texts, and both characters are kept. If the first is an "
                f"escape, as in an UNLOAD of Redshift, set csv.also_escaped to {pair[-1]}."
            )
        return [*notes, *ragged_rows(self.file.path, self.dialect)]

    def has_rows(self) -> bool:
        """Return whether the file has a row."""
        return any(True for _ in read_blocks(self.file, self.dialect, self._block_bytes))

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, at the place where they are largest.

        The first rows give the share of these columns in a record. Lines at other places of the file show how
        much larger than the first rows they are.
        """
        for block in read_blocks(self.file, self.dialect, self._block_bytes):
            first = mean_row_bytes(block.parse(columns)[0].head(SIZING_ROWS))
            line_end = self.dialect.syntax.line_end.encode(self.dialect.encoding.codec)
            start = self.dialect.data_offset  # exact for UTF-8, and close enough for other encodings
            with opened(self.file) as handle:
                lengths = line_lengths(handle, line_end, start, self.file.size_bytes)
            return first * max(lengths) // lengths[0]
        return 1

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        return cut_blocks(self.file, cut, read_blocks(self.file, self.dialect, self._block_bytes))

    def read_whole(self, others: Sequence[Table], columns: Sequence[str]) -> Sequence[Rows | None]:
        """Read all rows of this small file and of others with its dialect at once, if all are regular."""
        texts: dict[int, tuple[bytes, int]] = {}
        left_bytes = MOST_WHOLE_BYTES
        for number, table in enumerate((self, *others)):
            fits = isinstance(table, CsvTable) and table.is_written_as(self)
            text = table.plain_text(left_bytes) if isinstance(table, CsvTable) and fits else None
            if text is not None:
                texts[number] = text
                left_bytes -= len(text[0])
        names = self.dialect.columns
        unused = [name for name in self.dialect.must_be_empty if name not in columns]
        positions = {name: names.index(name) for name in (*columns, *unused)}
        found = parse_together([*texts.values()], positions, len(names), self.dialect.syntax)
        frames = {
            number: frame.select(columns)
            for number, frame in zip(texts, found or (), strict=False)
            if not any(filled(frame.get_column(name)).any() for name in unused)
        }
        return [Rows(frames[number]) if number in frames else None for number in range(1 + len(others))]

    def is_written_as(self, other: "CsvTable") -> bool:
        """Return whether the rows of another file can be parsed together with those of this file."""
        own, its = self.dialect, other.dialect
        return (own.syntax, own.columns, own.must_be_empty) == (its.syntax, its.columns, its.must_be_empty)

    def plain_text(self, most_bytes: int) -> tuple[bytes, int] | None:
        """Return all records and their number, if all are regular and within a number of bytes."""
        parts, rows, size = [], 0, 0
        try:
            for block in read_blocks(self.file, self.dialect, self._block_bytes):
                text = block.plain_text
                size += len(text or b"")
                if text is None or size > most_bytes:
                    return None
                parts.append(text)
                rows += block.rows
        except ExtractError:
            return None
        return (b"".join(parts), rows) if rows and is_unchanged(self.file) else None

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write the header and some rows (ascending) unchanged to a file of the same kind.

        Raises:
            ExtractError: The file cannot be read.
            OSError: The new file cannot be written.
        """
        encoding = self.dialect.encoding
        with opened(self.file) as handle:
            mark = handle.read(encoding.mark_bytes)
        with path.open("wb") as copy:
            copy.write(mark + _in_codec(read_preamble(self.file, self.dialect), encoding.codec))
            first_row, row = 0, next(rows, None)
            for block in read_blocks(self.file, self.dialect, self._block_bytes):
                indexes = []
                while row is not None and row < first_row + block.rows:
                    indexes.append(row - first_row)
                    row = next(rows, None)
                for text in block.texts(indexes) if indexes else ():
                    copy.write(_in_codec(text, encoding.codec))
                first_row += block.rows
                if row is None:
                    return

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """CSV settings that a file with fewer rows might not show, by name. Each has one value or more."""
        syntax = self.dialect.syntax
        names, surplus = self.dialect.columns, syntax.dropped_fields
        empty = [name for name, row in self.dialect.nameless.items() if row is None]
        found = {
            "encoding": [self.dialect.encoding.codec],
            "separator": ["tab" if syntax.separator == "\t" else syntax.separator],
            "line_end": ["cr" if syntax.line_end == "\r" else "crcrlf" if syntax.doubled_return else "lf"],
            "row_fields": [str(len(names) + (surplus or 0))],
            "surplus_fields": ["reject"] if surplus == 0 else [],
            "empty_columns": [str(names.index(name) + 1) for name in empty],
        }
        return {name: values for name, values in found.items() if values}


def _in_codec(text: bytes, codec: str) -> bytes:
    if codec == "utf-8":
        return text  # bytes that are not UTF-8 stay: they are the reason for a rejected row
    return text.decode(errors="replace").encode(codec, errors="replace")


def line_lengths(handle: BinaryIO, line_end: bytes, start: int, size_bytes: int) -> list[int]:
    """Return the mean length of lines in bytes at some places of a file, the first of them at ``start``.

    A stream that cannot seek is sampled up to STREAM_SAMPLE_BYTES only, because it must be read to get there.
    """
    is_stream = not handle.seekable()
    last = max(start, (STREAM_SAMPLE_BYTES if is_stream else size_bytes) - SAMPLE_BYTES)
    lengths, position = [], 0
    for sample in range(_SAMPLES):
        offset = start + (last - start) * sample // (_SAMPLES - 1)
        if is_stream:
            position += _skip(handle, offset - position)
        else:
            handle.seek(offset)
        text = read_up_to(handle, SAMPLE_BYTES)
        position += len(text)
        lengths.append(max(1, len(text) // max(1, text.count(line_end))))
    return lengths


def _skip(handle: BinaryIO, size: int) -> int:
    """Skip up to ``size`` bytes; return how many were skipped."""
    skipped = 0
    while skipped < size and (piece := handle.read(min(SAMPLE_BYTES, size - skipped))):
        skipped += len(piece)
    return skipped
