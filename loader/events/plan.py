"""Plan the events of a window: which records share an event, in which order, with which token.

Rules kept here:

1. The plan is a function of the window's records and the settings: no clock, no outcome, no chance.
2. Events are numbered by their first row, and every event of a window is closed at its end.
3. The events of a group hold its records in row order, each record exactly once.
4. No event is larger than the service allows, and none holds two records of one primary key
   (the order inside an array is not documented).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from loader.events.token import TokenSource
from loader.model import MAX_EVENT_BYTES, Destination, Event, RejectedRow, SourceFile, WindowPlan

ARRAY_BRACKETS_BYTES = 2
COMMA_BYTES = 1


@dataclass(frozen=True, slots=True)
class PackingSettings:
    """How records are put into events.

    Attributes:
        shared: Whether the records of a group in a window share events.
        group_buckets: Number of groups that keys are spread over, or None for a group per key.
        max_records: Most records in one event, or None for as many as fit.
    """

    shared: bool = False
    group_buckets: int | None = None
    max_records: int | None = None


@dataclass(frozen=True, slots=True)
class WindowRecords:
    """The records of one window, column by column: entry i of each list belongs to record i.

    Attributes:
        number: The window's number over the whole extract, from 0.
        file: Number of the source file, from 0.
        first_row: Position of the window's first row in that file, from 0.
        rows_read: Rows in the window.
        rows_filtered: Rows the job's filter left out.
        last_of_file: Whether the file ends with this window.
        rows: Position in the file of each record's row, ascending.
        groups: The group each record asks for, 1..255 characters.
        keys: Text of each record's primary key; None if there is none or packing does not need it.
        timestamps: ``eventTimestamp`` of each record as decimal text of epoch seconds, or None.
        data: One JSON object each, UTF-8, at most MAX_EVENT_BYTES.
        rejected: The rows that could not become records.
    """

    number: int
    file: int
    first_row: int
    rows_read: int
    rows_filtered: int
    last_of_file: bool
    rows: Sequence[int]
    groups: Sequence[str]
    keys: Sequence[str] | None
    timestamps: Sequence[str | None]
    data: Sequence[bytes] = field(repr=False)
    rejected: Sequence[RejectedRow] = field(repr=False)


class EventPlanner:
    """Plans the windows of one extract.

    Args:
        destination: Where the events go.
        files: The source files, in order.
        packing: How records are put into events.
    """

    def __init__(
        self, destination: Destination, files: Sequence[SourceFile], packing: PackingSettings
    ) -> None:
        self._packing = packing
        self._tokens = [TokenSource(destination, source) for source in files]

    def plan(self, records: WindowRecords) -> WindowPlan:
        """Return the events of a window; called again for the same records it returns the same."""
        buckets = self._packing.group_buckets
        groups = (
            records.groups if buckets is None else [group_bucket(group, buckets) for group in records.groups]
        )
        events = (
            self._shared_events(records, groups) if self._packing.shared else self._single(records, groups)
        )
        return WindowPlan(
            number=records.number,
            file=records.file,
            first_row=records.first_row,
            rows_read=records.rows_read,
            rows_filtered=records.rows_filtered,
            records=len(records.rows),
            rejected=records.rejected,
            events=events,
            last_of_file=records.last_of_file,
        )

    def _single(self, records: WindowRecords, groups: Sequence[str]) -> list[Event]:
        token = self._tokens[records.file].token
        columns = zip(records.rows, groups, records.timestamps, records.data, strict=True)
        return [
            Event(
                records.number,
                index,
                records.file,
                (row,),
                group,
                token(records.first_row, index, group, timestamp, data),
                timestamp,
                data,
            )
            for index, (row, group, timestamp, data) in enumerate(columns)
        ]

    def _shared_events(self, records: WindowRecords, groups: Sequence[str]) -> list[Event]:
        token = self._tokens[records.file].token
        events = []
        for index, members in enumerate(share(records, groups, self._packing.max_records)):
            group, timestamp = groups[members[0]], records.timestamps[members[-1]]
            data = records.data[members[0]]
            if len(members) > 1:
                data = b"[" + b",".join([records.data[member] for member in members]) + b"]"
            events.append(
                Event(
                    records.number,
                    index,
                    records.file,
                    tuple(records.rows[member] for member in members),
                    group,
                    token(records.first_row, index, group, timestamp, data),
                    timestamp,
                    data,
                )
            )
        return events


class _OpenEvent:
    """An event that still takes records of its group."""

    __slots__ = ("keys", "members", "size_bytes")

    def __init__(self) -> None:
        self.members: list[int] = []
        self.keys: set[str] = set()
        self.size_bytes = ARRAY_BRACKETS_BYTES

    def takes(self, size_bytes: int, key: str | None, max_records: int | None) -> bool:
        if not self.members:
            return True
        if key is not None and key in self.keys:
            return False
        if max_records is not None and len(self.members) >= max_records:
            return False
        return self.size_bytes + COMMA_BYTES + size_bytes <= MAX_EVENT_BYTES

    def add(self, member: int, size_bytes: int, key: str | None) -> None:
        self.size_bytes += size_bytes + (COMMA_BYTES if self.members else 0)
        self.members.append(member)
        if key is not None:
            self.keys.add(key)


def share(records: WindowRecords, groups: Sequence[str], max_records: int | None) -> Iterator[list[int]]:
    """Return the members (positions in ``records``) of each event, ordered by their first member."""
    opened: list[_OpenEvent] = []
    open_of_group: dict[str, _OpenEvent] = {}
    keys: Sequence[str | None] = records.keys if records.keys is not None else [None] * len(records.rows)
    for member, (group, key, data) in enumerate(zip(groups, keys, records.data, strict=True)):
        event = open_of_group.get(group)
        if event is None or not event.takes(len(data), key, max_records):
            event = open_of_group[group] = _OpenEvent()
            opened.append(event)
        event.add(member, len(data), key)
    return (event.members for event in opened)


def group_bucket(key: str, buckets: int) -> str:
    """Return the group that ``key`` belongs to when keys are spread over ``buckets`` groups.

    CRC-32 because it is the same in every language and version, and evenly spread over text keys.
    """
    return f"bucket-{crc32(key.encode()) % buckets}"
