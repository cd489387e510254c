"""Divide rows that come in blocks of any size into slices, for formats that can only be read forward."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.cuts import FileCut
from loader.formats.windows import Piece
from loader.model import SourceFile
from loader.sources.files import check_unchanged


class Block(Protocol):
    """Some consecutive whole rows of a file that are not parsed yet."""

    @property
    def rows(self) -> int:
        """Number of its rows."""

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows, and the records that cannot become rows."""


def cut_blocks(file: SourceFile, cut: FileCut, blocks: Iterable[Block]) -> Generator[Piece, None, int]:
    """Yield the wanted pieces of a file that is read forward; return its number of rows.

    Args:
        file: The file. It is checked before each block is used.
        cut: The wanted part of the file, and its division.
        blocks: All its rows, in order.

    Raises:
        ExtractError: The file changed since the load began, or ``blocks`` finds that it is damaged.
    """
    pending = _PendingRows(file.number, cut)
    for block in blocks:
        check_unchanged(file)
        pending.add(block)
        yield from pending.take(at_end=False)
    yield from pending.take(at_end=True)
    return pending.first_row


class _PendingRows:
    """Rows that were read but are not in a piece yet; rows that are not needed are only counted.

    Args:
        file: Number of the source file, from 0.
        cut: The wanted part of the file, and its division.
    """

    def __init__(self, file: int, cut: FileCut) -> None:
        self.first_row = 0
        self._file = file
        self._cut = cut
        self._rows = 0
        self._parts: deque[tuple[int, pl.DataFrame | None]] = deque()
        self._bad: deque[BadRecord] = deque()

    def add(self, block: Block) -> None:
        """Add the rows of a block. It is parsed only if it has rows of a wanted window."""
        start = self.first_row + self._rows
        frame = None
        if replace(self._cut, place=self._cut.place + start).any_wanted(block.rows):
            frame, bad = block.parse(self._cut.columns)
            self._bad.extend(replace(record, index=start + record.index) for record in bad)
        self._parts.append((block.rows, frame))
        self._rows += block.rows

    def take(self, *, at_end: bool) -> Iterator[Piece]:
        """Yield the complete wanted pieces. A piece is complete if a row or the end of the file follows."""
        if at_end and not self.first_row and not self._rows and self._cut.is_wanted(0):
            empty = pl.DataFrame(schema=dict.fromkeys(self._cut.columns, pl.String))
            yield Piece(self._file, 0, empty, last_of_file=True)
        while rows := self._complete_rows(at_end=at_end):
            if self._cut.is_wanted(self.first_row):
                yield self._piece(rows, at_end=at_end)
            else:
                self._take_rows(rows)

    def _piece(self, rows: int, *, at_end: bool) -> Piece:
        first_row = self.first_row
        frames, bad = self._take_rows(rows)
        is_last = at_end and not self._rows
        return Piece(self._file, first_row, pl.concat(frames), last_of_file=is_last, bad=bad)

    def _complete_rows(self, *, at_end: bool) -> int:
        """Return the number of rows of the complete piece, or 0."""
        left = self._cut.slice_end(self.first_row) - self.first_row
        if self._rows > left:
            return left
        return self._rows if at_end else 0

    def _take_rows(self, rows: int) -> tuple[list[pl.DataFrame], list[BadRecord]]:
        frames = []
        needed = rows
        while needed:
            part_rows, frame = self._parts.popleft()
            taken = min(part_rows, needed)
            if frame is not None:
                frames.append(frame.head(taken))
            if taken < part_rows:
                self._parts.appendleft((part_rows - taken, None if frame is None else frame.slice(taken)))
            needed -= taken
        bad = []
        while self._bad and self._bad[0].index < self.first_row + rows:
            record = self._bad.popleft()
            bad.append(replace(record, index=record.index - self.first_row))
        self.first_row += rows
        self._rows -= rows
        return frames, bad
