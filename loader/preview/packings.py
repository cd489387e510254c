"""How many events, hence calls, another packing would make of the same records."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from loader.events import PackingSettings, WindowRecords
from loader.events.packing import count_events

BUCKETS = 64
"""What is tried for ``--group-buckets`` if the job names no number: enough lanes for 64 requests at once."""


@dataclass(frozen=True, slots=True)
class PackingCount:
    """What a packing would come to.

    Attributes:
        flags: The flags that ask for it.
        events: Events, each a call at least.
        is_chosen: Whether it is the job's.
    """

    flags: str
    events: int
    is_chosen: bool


class Packings:
    """Counts the events of every packing over the windows of one load.

    A job that sends a row an event has smaller windows than one that packs, and an event never spans two
    of them: for such a job the numbers of the others are upper bounds.

    Args:
        chosen: The job's own packing.
    """

    def __init__(self, chosen: PackingSettings) -> None:
        self._chosen = chosen
        self._events = dict.fromkeys(_candidates(chosen), 0)

    def add(self, records: WindowRecords) -> None:
        """Count the records of one window."""
        for packing in self._events:
            self._events[packing] += _events_of(records, packing)

    def result(self) -> tuple[PackingCount, ...]:
        """Return what each packing comes to."""
        return tuple(
            PackingCount(_flags(packing), events, packing == self._chosen)
            for packing, events in self._events.items()
        )


def _candidates(chosen: PackingSettings) -> Iterator[PackingSettings]:
    yield PackingSettings(shared=False, group_buckets=chosen.group_buckets, max_records=chosen.max_records)
    yield PackingSettings(shared=True, group_buckets=None, max_records=chosen.max_records)
    yield PackingSettings(
        shared=True, group_buckets=chosen.group_buckets or BUCKETS, max_records=chosen.max_records
    )


def _events_of(records: WindowRecords, packing: PackingSettings) -> int:
    if not packing.shared:
        return records.frame.height
    frame = records.frame.with_columns(
        file=pl.lit(records.file, pl.UInt32), place=pl.col("row") - records.first_row
    )
    return count_events(frame, packing)


def _flags(packing: PackingSettings) -> str:
    flags = f"--pack {'group' if packing.shared else 'row'}"
    return flags if packing.group_buckets is None else f"{flags} --group-buckets {packing.group_buckets}"
