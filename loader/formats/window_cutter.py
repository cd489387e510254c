"""Rows that come in blocks of any size, cut into windows: for formats that can only be read forward."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.windows import Window, WindowShape


class Block(Protocol):
    """Some whole rows of a file, in order, not parsed yet."""

    @property
    def rows(self) -> int:
        """How many rows it holds."""

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows, and the records that cannot be rows."""


class PendingRows:
    """Rows that were read and are not yet in a window; rows that nobody wants are only counted.

    Args:
        file: Number of the source file, from 0.
        cut: How it is cut into windows.
        first_number: Number of its first window.
        wanted: Tells by its number whether a window is needed.
    """

    def __init__(self, file: int, cut: WindowShape, first_number: int, wanted: Callable[[int], bool]) -> None:
        self.first_row = 0
        self._file = file
        self._cut = cut
        self._first_number = first_number
        self._wanted = wanted
        self._rows = 0
        self._parts: deque[tuple[int, pl.DataFrame | None]] = deque()
        self._bad: deque[BadRecord] = deque()

    def add(self, block: Block) -> None:
        """Take the rows of a block; it is parsed only if it reaches into a wanted window."""
        start = self.first_row + self._rows
        touched = range(self._number(start), self._number(start + block.rows - 1) + 1)
        frame = None
        if any(map(self._wanted, touched)):
            frame, bad = block.parse(self._cut.columns)
            self._bad.extend(replace(record, index=start + record.index) for record in bad)
        self._parts.append((block.rows, frame))
        self._rows += block.rows

    def take(self, *, at_end: bool) -> Iterator[Window]:
        """Return the wanted windows that are complete; one more row must follow, or the end of the file."""
        while self._rows > self._cut.window_rows or (at_end and self._rows):
            first_row, rows = self.first_row, min(self._rows, self._cut.window_rows)
            frames, bad = self._take_rows(rows)
            if self._wanted(self._number(first_row)):
                yield Window(
                    number=self._number(first_row),
                    file=self._file,
                    first_row=first_row,
                    frame=pl.concat(frames),
                    last_of_file=at_end and not self._rows,
                    bad=bad,
                )

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

    def _number(self, row: int) -> int:
        return self._first_number + row // self._cut.window_rows
