"""The number of events, and so of calls, that other packings would make from the same records."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from loader.events import PackingSettings, SliceRecords
from loader.events.packing import Packer
from loader.formats.cuts import cuts_of
from loader.job import Pack

BUCKETS = 64
"""The ``--group-buckets`` to try if the job has none: enough lanes for 64 requests at once."""


@dataclass(frozen=True, slots=True)
class PackingCount:
    """The number of events with one packing.

    Attributes:
        flags: The flags that select it.
        events: Number of events; each needs at least one call.
        is_chosen: Whether it is the job's own packing.
    """

    flags: str
    events: int
    is_chosen: bool


class Packings:
    """Counts the events of each packing exactly, with the windows that a load would have.

    Args:
        chosen: The job's own packing.
        row_bytes: Approximate size of a record.
        window_rows: Rows of a window in the job's load.
        is_given: Whether the user set that number, so that it applies to every packing.
    """

    def __init__(
        self, chosen: PackingSettings, row_bytes: int, window_rows: int, *, is_given: bool = False
    ) -> None:
        self._chosen = chosen
        self._window_rows = window_rows
        given = window_rows if is_given else None
        self._counted = [_Counted(packing, row_bytes, given) for packing in _candidates(chosen)]

    def add(self, records: SliceRecords) -> None:
        """Count the records of one slice."""
        # Only sizes matter here; the records themselves are not joined.
        start = records.window * self._window_rows
        frame = records.frame.with_columns(pl.col("place") + start, quoted=pl.lit(b""))
        for each in self._counted:
            each.add(frame)

    def result(self) -> tuple[PackingCount, ...]:
        """Return the result of each packing."""
        return tuple(
            PackingCount(_flags(each.packing), each.end(), each.packing == self._chosen)
            for each in self._counted
        )


class _Counted:
    """The events of one packing.

    Args:
        packing: The packing.
        row_bytes: Approximate size of a record.
        window_rows: Rows of a window, or None for the load's own choice.
    """

    def __init__(self, packing: PackingSettings, row_bytes: int, window_rows: int | None) -> None:
        pack = Pack.GROUP if packing.shared else Pack.ROW
        self.packing = packing
        self._window_rows = cuts_of(row_bytes, pack, packing.group_buckets, window_rows).window_rows
        self._window = 0
        self._packer = Packer(packing)
        self._events = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count records, each by its place in the extract."""
        if not self.packing.shared:
            self._events += frame.height
            return
        windows = frame["place"] // self._window_rows
        for window in windows.unique(maintain_order=True):
            if window != self._window:
                self.end()
                self._window = window
            self._events += len(self._packer.add(frame.filter(windows == window)))

    def end(self) -> int:
        """End the window, and return the events so far."""
        self._events += len(self._packer.end())
        self._packer = Packer(self.packing)
        return self._events


def _candidates(chosen: PackingSettings) -> Iterator[PackingSettings]:
    yield PackingSettings(shared=False, group_buckets=chosen.group_buckets, max_records=chosen.max_records)
    yield PackingSettings(shared=True, group_buckets=None, max_records=chosen.max_records)
    yield PackingSettings(
        shared=True, group_buckets=chosen.group_buckets or BUCKETS, max_records=chosen.max_records
    )


def _flags(packing: PackingSettings) -> str:
    flags = f"--pack {'group' if packing.shared else 'row'}"
    return flags if packing.group_buckets is None else f"{flags} --group-buckets {packing.group_buckets}"
