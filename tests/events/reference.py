"""Packing as a plain loop over the records: slow, easy to check by eye, and what the planner must equal."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

MAX_BYTES = 1_048_576
"""``DataIntegrationEventData.max``, written down again."""

MAX_OPEN = 64
"""Most open events of a lane."""


@dataclass(frozen=True)
class Record:
    """A record and what decides which event it goes into."""

    row: int
    group: str
    key: str | None
    timestamp: str | None
    data: bytes
    file: int = 0

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
    """An event that still takes records of its lane."""

    group: str
    records: list[Record] = field(default_factory=list)
    used: int = 0
    """Bytes of its records, each with a comma."""

    def add(self, record: Record) -> None:
        """Take a record."""
        self.records.append(record)
        self.used += record.size + len(",")

    def takes(self, record: Record, max_records: int | None) -> bool:
        """Return whether there is room for one more record in an array."""
        if not self.records:
            return True
        if max_records is not None and len(self.records) >= max_records:
            return False
        return len("[]") + self.used + record.size <= MAX_BYTES

    def is_full(self, max_records: int | None) -> bool:
        """Return whether it is so full that a record for which there is no room closes it."""
        return len(self.records) == max_records or self.used >= MAX_BYTES * 7 // 8 - 2


def data_of(records: list[Record]) -> bytes:
    """Return one object, or an array of several."""
    if len(records) == 1:
        return records[0].data
    return b"[" + b",".join(record.data for record in records) + b"]"


def bucket_of(group: str, buckets: int | None) -> str:
    """Return the group that events of a key have."""
    return group if buckets is None else f"bucket-{crc32(group.encode()) % buckets}"


class Lane:
    """The open events of a lane in the order in which they are sent, and what must not go before which."""

    def __init__(self, group: str, *, is_one_group: bool, lane_bytes: int, max_records: int | None) -> None:
        self.group = group
        self.is_one_group = is_one_group
        self.lane_bytes = lane_bytes
        self.max_records = max_records
        self.open: deque[OpenEvent] = deque()
        self.first = 0
        self.of_group: dict[str, int] = {}
        self.of_key: dict[str, int] = {}

    def close(self) -> OpenEvent:
        """Close the first open event."""
        self.first += 1
        return self.open.popleft()

    def put(self, record: Record) -> Iterable[OpenEvent]:
        """Put a record where it belongs; yield the events that are closed by that."""
        while self.open and sum(event.used for event in self.open) + record.size + 1 > self.lane_bytes:
            yield self.close()
        number = max(self.first, self.of_group.get(record.group, 0))
        if record.key is not None:
            number = max(number, self.of_key.get(record.key, -1) + 1)
        while number < self.first + len(self.open):
            event = self.open[number - self.first]
            if event.takes(record, self.max_records):
                break
            if number == self.first and event.is_full(self.max_records):
                yield self.close()
            number += 1
        if number == self.first + len(self.open):
            if len(self.open) == MAX_OPEN:
                yield self.close()
            self.open.append(OpenEvent(self.group))
        self.open[number - self.first].add(record)
        self.of_group[record.group] = number
        if record.key is not None:
            self.of_key[record.key] = number
        while self.is_one_group and self.first < number:
            yield self.close()


def share(
    records: Iterable[Record], buckets: int | None, max_records: int | None, lane_bytes: int = 2**40
) -> list[tuple[str, list[Record]]]:
    """Return group and records of each event of a window, in the order in which the events are closed.

    What is open at the end is closed in the order of its first records.
    """
    lanes: dict[str, Lane] = {}
    closed: list[OpenEvent] = []
    for record in records:
        name = bucket_of(record.group, buckets)
        if name not in lanes:
            lanes[name] = Lane(
                name, is_one_group=buckets is None, lane_bytes=lane_bytes, max_records=max_records
            )
        closed += lanes[name].put(record)
    left = [event for lane in lanes.values() for event in lane.open]
    closed += sorted(left, key=lambda event: (event.records[0].file, event.records[0].row))
    return [(event.group, event.records) for event in closed]
