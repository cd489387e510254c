"""Packing as a plain loop over the records: slow, easy to check by eye, and what the planner must equal."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

MAX_BYTES = 1_048_576
"""``DataIntegrationEventData.max``, written down again."""


@dataclass(frozen=True)
class Record:
    """A record and what decides which event it goes into."""

    row: int
    group: str
    key: str | None
    timestamp: str | None
    data: bytes

    @property
    def quoted(self) -> bytes:
        """The record as it stands in a JSON string."""
        return json.dumps(self.data.decode(), ensure_ascii=False)[1:-1].encode()

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)


@dataclass
class OpenEvent:
    """An event that still takes records of its group."""

    records: list[Record] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    array_bytes: int = len("[]")

    def takes(self, record: Record, max_records: int | None) -> bool:
        """Return whether a record may join."""
        if record.key is not None and record.key in self.keys:
            return False
        if max_records is not None and len(self.records) >= max_records:
            return False
        return self.array_bytes + len(",") + len(record.data) <= MAX_BYTES

    def add(self, record: Record) -> None:
        """Take a record."""
        self.array_bytes += len(record.data) + (len(",") if self.records else 0)
        self.records.append(record)
        if record.key is not None:
            self.keys.add(record.key)


def data_of(records: Sequence[Record]) -> bytes:
    """Return one object, or an array of several."""
    if len(records) == 1:
        return records[0].data
    return b"[" + b",".join(record.data for record in records) + b"]"


def bucket_of(group: str, buckets: int | None) -> str:
    """Return the group that events of a key have."""
    return group if buckets is None else f"bucket-{crc32(group.encode()) % buckets}"


def share(records: Sequence[Record], buckets: int | None, max_records: int | None) -> Iterator[list[Record]]:
    """Return the records of each event, ordered by their first."""
    opened: list[OpenEvent] = []
    open_of_group: dict[str, OpenEvent] = {}
    for record in records:
        group = bucket_of(record.group, buckets)
        event = open_of_group.get(group)
        if event is None or not event.takes(record, max_records):
            event = open_of_group[group] = OpenEvent()
            opened.append(event)
        event.add(record)
    return (event.records for event in opened)
