"""The plan of one slice: its events, its rejected rows and its counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from loader.model.event import Event
from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not become a record.

    Attributes:
        file: Number of the source file, from 0.
        row: Position in that file, from 0.
        column: The source or dataset column that caused it; empty if the whole row did.
        code: The reason, for programs.
        reason: The reason as text, without values of the row.
        value: The offending text, clipped. It goes only into files with mode 0600.
        lines: Number of lines of the file that it takes; more than one if an open quote took in later lines.
    """

    file: int
    row: int
    column: str
    code: RejectCode
    reason: str
    value: str = field(default="", repr=False)
    lines: int = 1


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of one file in a slice, by their result.

    ``rows_read == rows_filtered + rows_rejected + records + rows_elsewhere`` always holds.

    Attributes:
        file: Number of the source file, from 0.
        first_row: Position of the first row in that file, from 0.
        rows_read: Rows of the file in the slice; 0 for a file without rows.
        rows_filtered: Rows that the job's filter left out, and rows of a CSV file without any value.
        rows_rejected: Rows that could not become records.
        records: Rows that became records.
        last_of_file: Whether the file ends with these rows.
        rows_filtered_unknown: Number of ``rows_filtered`` for which the filter had no result, because a value
            is missing.
        rows_elsewhere: Rows that other shards deliver, filter or reject.
    """

    file: int
    first_row: int
    rows_read: int
    rows_filtered: int
    rows_rejected: int
    records: int
    last_of_file: bool
    rows_filtered_unknown: int = 0
    rows_elsewhere: int = 0

    @property
    def rows_own(self) -> int:
        """Rows that no other shard delivers, filters or rejects."""
        return self.rows_read - self.rows_elsewhere


class SliceCounts:
    """The counts of a slice over its files.

    Attributes:
        files: Its rows, file by file, in the order of the extract.
    """

    __slots__ = ()

    files: Sequence[FileRows]

    @property
    def rows_read(self) -> int:
        """Rows in the slice, without those of other shards."""
        return sum(file.rows_own for file in self.files)

    @property
    def rows_filtered(self) -> int:
        """Rows that the job's filter left out, and rows of a CSV file without any value."""
        return sum(file.rows_filtered for file in self.files)

    @property
    def rows_filtered_unknown(self) -> int:
        """Number of them for which the filter had no result, because a value is missing."""
        return sum(file.rows_filtered_unknown for file in self.files)


@dataclass(frozen=True, slots=True)
class SlicePlan(SliceCounts):
    """The part of a window's plan from one slice: the events that it closes, and its rows by result.

    Attributes:
        window: The window's number over the whole extract, from 0.
        number: Number of the slice in its window, from 0.
        files: Its rows, file by file, in the order of the extract.
        first_index: Index of the first of its events, which is the number of events of earlier slices.
        rejected: Its rows that could not become records.
        events: The events that it closes, ``events[i].index == first_index + i``. They may contain rows of
            earlier slices of the window.
        ends_window: Whether it is the last slice of the window: all events of the window are closed.
        places: Position in the window of the first row of each event.
    """

    window: int
    number: int
    files: Sequence[FileRows]
    first_index: int
    rejected: Sequence[RejectedRow] = field(repr=False)
    events: Sequence[Event] = field(repr=False)
    ends_window: bool = True
    places: Sequence[int] = field(default=(), repr=False)

    @property
    def records(self) -> int:
        """Rows that became records."""
        return sum(file.records for file in self.files)

    def lines_swallowed(self) -> Counter[int]:
        """Return, by file, the lines of rejected rows beyond the first of each; open quotes cause them."""
        lines: Counter[int] = Counter()
        for row in self.rejected:
            lines[row.file] += row.lines - 1
        return lines
