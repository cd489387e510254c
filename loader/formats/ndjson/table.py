"""The rows of an NDJSON file: blocks of lines, divided into slices."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loader.errors import ExtractError, NothingToLoad
from loader.formats.bad_record import BadRecord
from loader.formats.comma_columns import NO_COMMAS, CommaColumns
from loader.formats.cuts import FileCut
from loader.formats.ndjson.blocks import NDJSON_BLOCK_BYTES, LineBlock, read_lines
from loader.formats.rows import Rows
from loader.formats.window_cutter import cut_blocks
from loader.formats.windows import SIZING_ROWS, Piece, Table, mean_row_bytes
from loader.model import SourceFile
from loader.sources.file_format import jq_command

HEAD_BYTES = 2 * 2**20
"""Bytes of a file that are examined for its keys: about 5,000 rows."""

_SAMPLES = 4
"""Number of places in the head that are sampled for the length of rows."""


class NdjsonTable:
    """An NDJSON file whose head was read. All columns are text: numbers are the digits in the file.

    Its columns are the keys of its first rows, and the keys that may come later. A later row with another key
    is rejected, unless such keys are to be left out, so that nothing is dropped silently.

    Args:
        file: The file.
        may_come: Keys that are columns even if the first rows do not have them.
        leaves_out_unknown: Whether a setting allows unused keys to be left out.
        block_bytes: Bytes to read at a time. The rows do not depend on it.

    Raises:
        NothingToLoad: The file has blank lines only.
        ExtractError: None of its first lines is an object.
    """

    def __init__(
        self,
        file: SourceFile,
        may_come: Collection[str] = (),
        *,
        leaves_out_unknown: bool = False,
        block_bytes: int = NDJSON_BLOCK_BYTES,
    ) -> None:
        self.file = file
        self._block_bytes = block_bytes
        keys = _keys(file, self._head()) | dict.fromkeys(may_come)
        self.schema: Mapping[str, pl.DataType] = dict.fromkeys(keys, pl.String())
        self._known = None if leaves_out_unknown else frozenset(keys)
        self._commas = NO_COMMAS

    def feed_commas(self, columns: CommaColumns) -> None:
        """Set the columns whose texts have a decimal comma."""
        self._commas = columns

    @property
    def words(self) -> str:
        """The format in words."""
        return "NDJSON"

    @property
    def advice(self) -> Sequence[str]:
        """No notes: JSON has no dialects."""
        return ()

    def has_rows(self) -> bool:
        """Return True: a file without rows has no keys and is refused."""
        return True

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, where they are largest in the head."""
        frame, _ = self._head().parse(columns)
        last = max(0, frame.height - SIZING_ROWS)
        places = {last * sample // (_SAMPLES - 1) for sample in range(_SAMPLES)}
        samples = [frame.slice(place, SIZING_ROWS) for place in places]
        return max(mean_row_bytes(_with_values(sample)) for sample in samples)

    def _head(self) -> LineBlock:
        """Return the first rows. They are not kept, because an extract may have many files."""
        return next(read_lines(self.file, HEAD_BYTES), LineBlock(b""))

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        blocks = read_lines(self.file, self._block_bytes)
        return cut_blocks(self.file, cut, (_Rows(block, self._known, self._commas) for block in blocks))

    def read_whole(
        self,
        others: Sequence[Table],
        columns: Sequence[str],  # noqa: ARG002 - of the protocol
    ) -> Sequence[Rows | None]:
        """Return None for each file: lines are parsed one by one anyway."""
        return [None] * (1 + len(others))

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some lines (by row, ascending) unchanged to another file.

        Raises:
            ExtractError: The file cannot be read.
            OSError: The new file cannot be written.
        """
        first_row, row = 0, next(rows, None)
        with path.open("wb") as copy:
            for block in read_lines(self.file, self._block_bytes):
                while row is not None and row < first_row + block.rows:
                    copy.write(block.line(row - first_row) + b"\n")
                    row = next(rows, None)
                first_row += block.rows
                if row is None:
                    return

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """No settings: JSON has no dialects."""
        return {}


@dataclass(frozen=True, slots=True)
class _Rows:
    """A block of lines, with the permitted keys and the columns with a decimal comma."""

    block: LineBlock
    known: frozenset[str] | None
    commas: CommaColumns

    @property
    def rows(self) -> int:
        return self.block.rows

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        return self.block.parse(columns, self.known, self.commas)


def _keys(file: SourceFile, head: LineBlock) -> dict[str, None]:
    """Return the keys of the first rows in order of appearance."""
    if not head.rows:
        raise NothingToLoad(
            "The extract has no rows.", where=file.path, next_step="check whether its export has ended"
        )
    keys: dict[str, None] = {}
    any_object = False
    for row in head.objects():
        if isinstance(row, dict):
            any_object = True
            keys |= dict.fromkeys(row)
    if not any_object:
        raise ExtractError(
            "The NDJSON file contains no object.",
            where=file.path,
            why="its only line is not a JSON object"
            if head.rows == 1
            else f"none of its first {head.rows:,} lines is a JSON object",
            next_step=f"write one object per line, in UTF-8, with one of:\n  {jq_command('.', file.path)}\n  "
            f"{jq_command('.[]', file.path)}   if the objects are in an array",
        )
    return keys


def _with_values(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({series.name: series for series in frame if series.null_count() < frame.height})
