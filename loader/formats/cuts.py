"""Where the rows of an extract are cut into windows and slices: by position alone."""

from collections.abc import Callable
from dataclasses import dataclass

from loader.job import Pack

ROW_WINDOW_BYTES = 4 * 2**20
"""What the records of a window should come to if each is an event: a window is held as frame, records and
events at once."""

GROUP_WINDOW_BYTES = 56 * 2**20
"""The same if the records of a group share events: all that is open is held until the window's end."""

BUCKET_WINDOW_BYTES = 224 * 2**20
"""The same if groups are spread over few buckets, so that most events are full long before the window's end.
At its end half an event of each bucket is empty: 3 % with 16 buckets, 14 % with 64."""

FEW_BUCKETS = 96
"""With more buckets than that, their open events would be what the memory is used for."""

WINDOW_ROWS = {Pack.ROW: range(16, 16_385), Pack.GROUP: range(16, 1_048_577)}
"""Bounds for very long and very short rows."""

SLICE_BYTES = 16 * 2**20
"""What the records of a slice should come to, and how much of a Parquet file is read at a time: each read
fetches the column chunks around it again, so smaller slices cost time and larger ones memory."""

SLICE_ROWS = range(16, 131_073)
"""Bounds for very long and very short rows."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the rows of an extract are cut.

    Attributes:
        window_rows: Rows of a window.
        slice_rows: Rows of a slice; the last one of a window may have fewer.
        read_rows: Rows to read at a time where the format allows to choose: a slice or more. It has no
            influence on the plan.
    """

    window_rows: int
    slice_rows: int
    read_rows: int

    def slice_at(self, place: int) -> tuple[int, int]:
        """Return window and number in it of the slice that holds the row at a place of the extract."""
        window, place_in_window = divmod(place, self.window_rows)
        return window, place_in_window // self.slice_rows

    def slice_end(self, place: int) -> int:
        """Return the place behind the last row of the slice that holds the row at a place."""
        window, number = self.slice_at(place)
        start = window * self.window_rows
        return start + min((number + 1) * self.slice_rows, self.window_rows)


@dataclass(frozen=True, slots=True)
class FileCut:
    """What to read of a file, and how it is cut.

    Attributes:
        columns: The source columns that the job needs.
        cuts: Where the extract is cut.
        place: Place of the file's first row in the extract.
        wanted: Tells by its number whether a window is needed.
    """

    columns: tuple[str, ...]
    cuts: Cuts
    place: int
    wanted: Callable[[int], bool]

    def is_wanted(self, row: int) -> bool:
        """Return whether the window that holds a row of the file is needed."""
        return self.wanted((self.place + row) // self.cuts.window_rows)

    def slice_end(self, row: int) -> int:
        """Return the row of the file, or behind it, at which the slice ends that holds a row."""
        return self.cuts.slice_end(self.place + row) - self.place

    def any_wanted(self, rows: int) -> bool:
        """Return whether a window is needed that holds a row of the file; a file without rows lies in one."""
        window_rows = self.cuts.window_rows
        last = (self.place + max(rows, 1) - 1) // window_rows
        return any(map(self.wanted, range(self.place // window_rows, last + 1)))


def cuts_of(row_bytes: int, packing: Pack, buckets: int | None, window_rows: int | None) -> Cuts:
    """Return how to cut an extract whose records have about so many bytes.

    Args:
        row_bytes: Bytes of a record.
        packing: How records are put into events.
        buckets: Number of groups that keys are spread over, or None.
        window_rows: Rows of a window if the user chose them, or None for as many as fit.
    """
    if window_rows is None:
        bounds = WINDOW_ROWS[packing]
        window_rows = min(bounds[-1], max(bounds[0], _window_bytes(packing, buckets) // row_bytes))
    read_rows = min(SLICE_ROWS[-1], max(SLICE_ROWS[0], SLICE_BYTES // row_bytes))
    return Cuts(window_rows, min(window_rows, read_rows), read_rows)


def _window_bytes(packing: Pack, buckets: int | None) -> int:
    if packing is Pack.ROW:
        return ROW_WINDOW_BYTES
    return GROUP_WINDOW_BYTES if buckets is None or buckets > FEW_BUCKETS else BUCKET_WINDOW_BYTES
