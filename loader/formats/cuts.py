"""The positions at which the rows of an extract are divided into windows and slices."""

from collections.abc import Callable
from dataclasses import dataclass

from loader.job import Pack

ROW_WINDOW_BYTES = 4 * 2**20
"""Target size of a window's records if each record is an event. The window is in memory as frame, records and
events at the same time."""

GROUP_WINDOW_BYTES = 56 * 2**20
"""Target size if the records of a group share events: open events stay in memory until the window's end."""

BUCKET_WINDOW_BYTES = 224 * 2**20
"""Target size if groups are spread over few buckets: most events are full long before the window's end. At
its end, the last event of each bucket is half empty: a loss of 3 % with 16 buckets, of 14 % with 64."""

FEW_BUCKETS = 96
"""With more buckets, most of the memory would go to their open events."""

WINDOW_ROWS = {Pack.ROW: range(16, 16_385), Pack.GROUP: range(16, 1_048_577)}
"""Limits for very long and very short rows."""

SLICE_BYTES = 16 * 2**20
"""Target size of a slice. Larger slices cost memory, smaller ones time."""

SLICES_PER_READ = 2
"""Number of slices to read from a Parquet file at a time. Each read fetches the surrounding column chunks and
unpacks their dictionaries again. With 25,000 rows in a slice, reading one slice at a time costs 1.1 us a row,
two 0.7, four 0.55; each adds 7 MiB of memory (benchmarks/stages.md)."""

SHARD_SLICES_PER_READ = 4
"""The maximum for a shard. It keeps only few rows of each slice, and converts those of a read together."""

SLICE_ROWS = range(16, 131_073)
"""Limits for very long and very short rows."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The positions at which the rows of an extract are divided.

    Attributes:
        window_rows: Rows of a window.
        slice_rows: Rows of a slice; the last slice of a window may have fewer.
        read_rows: Rows to read at a time if the format leaves the choice: one slice or several. It does not
            affect the plan.
    """

    window_rows: int
    slice_rows: int
    read_rows: int

    def slice_at(self, place: int) -> tuple[int, int]:
        """Return the window, and the number of the slice in it, for a place in the extract."""
        window, place_in_window = divmod(place, self.window_rows)
        return window, place_in_window // self.slice_rows

    def slice_end(self, place: int) -> int:
        """Return the place after the last row of the slice at a place in the extract."""
        window, number = self.slice_at(place)
        start = window * self.window_rows
        return start + min((number + 1) * self.slice_rows, self.window_rows)


@dataclass(frozen=True, slots=True)
class FileCut:
    """The wanted part of a file, and how it is divided.

    Attributes:
        columns: The source columns that the job needs.
        cuts: The division of the extract.
        place: Place of the file's first row in the extract.
        wanted: Returns, for the number of a window, whether it is needed.
    """

    columns: tuple[str, ...]
    cuts: Cuts
    place: int
    wanted: Callable[[int], bool]

    def is_wanted(self, row: int) -> bool:
        """Return whether the window of a row of the file is needed."""
        return self.wanted((self.place + row) // self.cuts.window_rows)

    def slice_end(self, row: int) -> int:
        """Return the row of the file at which the slice of a row ends (exclusive)."""
        return self.cuts.slice_end(self.place + row) - self.place

    def any_wanted(self, rows: int) -> bool:
        """Return whether a window of the file is needed; a file without rows belongs to one window."""
        window_rows = self.cuts.window_rows
        last = (self.place + max(rows, 1) - 1) // window_rows
        return any(map(self.wanted, range(self.place // window_rows, last + 1)))


def cuts_of(
    row_bytes: int, packing: Pack, buckets: int | None, window_rows: int | None, shards: int = 1
) -> Cuts:
    """Return the division of an extract with records of an approximate size.

    Args:
        row_bytes: Bytes of a record.
        packing: How records are packed into events.
        buckets: Number of buckets, or None.
        window_rows: Rows of a window if the user set them, otherwise None.
        shards: Number of shards that the load is divided into.
    """
    if window_rows is None:
        bounds = WINDOW_ROWS[packing]
        window_rows = min(bounds[-1], max(bounds[0], _window_bytes(packing, buckets) // row_bytes))
    slice_rows = min(SLICE_ROWS[-1], max(SLICE_ROWS[0], SLICE_BYTES // row_bytes))
    slices = min(max(shards, SLICES_PER_READ), SHARD_SLICES_PER_READ)
    return Cuts(window_rows, min(window_rows, slice_rows), slice_rows * slices)


def _window_bytes(packing: Pack, buckets: int | None) -> int:
    if packing is Pack.ROW:
        return ROW_WINDOW_BYTES
    return GROUP_WINDOW_BYTES if buckets is None or buckets > FEW_BUCKETS else BUCKET_WINDOW_BYTES
