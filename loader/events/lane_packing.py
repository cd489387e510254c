"""The open events of one lane, and the choice of the event for each record.

Rules kept here:

1. The events of a lane are sent in the order in which they were opened. Only its first open event is closed,
   because a later event may contain a record that must not be sent before those of an earlier one.
2. A record is put into the first open event with room, but not into an event before that of the last record
   of its user's group, and only into an event after that of the last record of its primary key. So a repeated
   key, or a record that is too large for the rest of an event, moves only its own group to a later event. The
   other groups continue to fill the earlier event.
3. A record that does not fit closes the first event if it is full to seven eighths. A lane with more than
   `MAX_OPEN` events, or more bytes than allowed, closes its first event.
4. The result depends only on the records of the lane. A process that packs other lanes of the same window
   cannot change it.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Sequence
from operator import itemgetter

from loader.events.open_event import LaneRecords, OpenEvent, PackedRun
from loader.model import MAX_EVENT_BYTES

LARGE_RECORD_BYTES = MAX_EVENT_BYTES // 8
"""A record of at most this size fits into every event that is less than seven eighths full."""

FULL_BYTES = MAX_EVENT_BYTES - LARGE_RECORD_BYTES - 2
"""Size from which an event is full to seven eighths, without its brackets."""

MAX_OPEN = 64
"""Maximum number of open events of a lane. Each row of a repeated key opens an event, so a key with a million
rows would open a million."""

MOST_USED = MAX_EVENT_BYTES - 1
"""Maximum bytes of the records of an array, each counted with a comma. The brackets add two, the missing last
comma subtracts one."""


class WindowEvents:
    """The events that the lanes of a window open, fill and close. The packer collects them slice by slice."""

    __slots__ = ("_closed", "_opened", "_taken")

    def __init__(self) -> None:
        self._opened = 0
        self._closed: list[tuple[int, PackedRun]] = []
        self._taken: list[tuple[int, int]] = []

    def open(self, number: int, place: int) -> OpenEvent:
        """Return a new event.

        Args:
            number: Its number in its lane.
            place: Position in the window of its first row.
        """
        event = OpenEvent(self._opened, number, place)
        self._opened += 1
        return event

    def record_taken(self, event: OpenEvent, count: int) -> None:
        """Record that an event took the next ``count`` records of its lane."""
        self._taken.append((event.serial, count))

    def close(self, place: int, run: PackedRun) -> None:
        """Record a closed event and the position in the window of the row that closed it."""
        self._closed.append((place, run))

    def collect_taken(self) -> list[tuple[int, int]]:
        """Return the serials of events with the number of records that each took since the last call."""
        taken, self._taken = self._taken, []
        return taken

    def collect_closed(self) -> list[PackedRun]:
        """Return the events that were closed since the last call, in the order of closing."""
        # The sort is stable. All events that one record closes belong to one lane, so they stay in order.
        closed, self._closed = sorted(self._closed, key=itemgetter(0)), []
        return [run for _, run in closed]


class PackingLane:
    """The open events of one lane.

    Args:
        group: Its ``eventGroupId``.
        max_bytes: Maximum bytes of its open events.
        max_records: Maximum records of an event.
        is_one_group: Whether all its records belong to one user's group. Then no other group fills an event
            after that group moved on.
        window: The events of the window.

    Attributes:
        open: Its open events, in order.
        first: Number of the first of them, or of the next one to be opened.
        ahead: For each user's group that moved on, number of the event with its last record.
    """

    __slots__ = (
        "_window",
        "ahead",
        "first",
        "group",
        "is_one_group",
        "max_bytes",
        "max_records",
        "open",
        "used",
    )

    def __init__(
        self, group: str, *, max_bytes: int, max_records: int, is_one_group: bool, window: WindowEvents
    ) -> None:
        self._window = window
        self.group = group
        self.is_one_group = is_one_group
        self.max_bytes = max_bytes
        self.max_records = max_records
        self.open: deque[OpenEvent] = deque()
        self.first = 0
        self.used = 0
        self.ahead: dict[str, int] = {}

    def fill(self, records: LaneRecords, start: int, end: int) -> None:
        """Put the records from ``start`` up to ``end`` into events, without a check of groups and keys."""
        begins = records.begins
        while start < end:
            event = self.open[0] if self.open else self._opened(records.places[start])
            room = min(MOST_USED - event.used, self.max_bytes - self.used)
            fitting = bisect_right(begins, begins[start] + room, start, end + 1) - 1
            until = min(fitting, start + self.max_records - event.count)
            if until <= start and not event.count:
                until = start + 1  # a single record needs no brackets, so it always fits
            if until > start:
                self._take(event, records, start, until)
                start = until
            else:
                self._close_first(records.places[start])

    def place_each(
        self, records: LaneRecords, start: int, singles: Sequence[int], known: dict[str, int]
    ) -> int:
        """Put records into events, some of them one by one. Return the position after the last of these.

        Args:
            records: The slice.
            start: Position of the first record.
            singles: Positions of the records to place one by one, ascending.
            known: For each repeated key, number of the event with its last record.
        """
        for single in singles:
            self.fill(records, start, single)
            key = records.keys[single] if records.keys is not None else None
            number = self.place(records, single, -1 if key is None else known.get(key, -1))
            if key is not None:
                known[key] = number
            start = single + 1
        return start

    def place(self, records: LaneRecords, position: int, after: int) -> int:
        """Put one record into an event, and return the event's number in the lane.

        Args:
            records: The slice.
            position: Position of the record.
            after: Number of the event with the last record of its key, or -1.
        """
        place, size = records.places[position], records.begins[position + 1] - records.begins[position]
        group = records.groups[position] if records.groups is not None else ""
        while self.open and self.used + size > self.max_bytes:
            self._close_first(place)
        number = max(self.first, self.ahead.get(group, 0), after + 1)
        while number < self.first + len(self.open):
            event = self.open[number - self.first]
            has_place = event.count < self.max_records
            if has_place and event.used + size <= MOST_USED:
                break
            if number == self.first and (not has_place or event.used >= FULL_BYTES):
                self._close_first(place)
            number += 1
        if number == self.first + len(self.open):
            if len(self.open) == MAX_OPEN:
                self._close_first(place)
            self._opened(place)
        self._take(self.open[number - self.first], records, position, position + 1)
        while self.is_one_group and self.first < number:
            self._close_first(place)
        if number > self.first:
            self.ahead[group] = number
        return number

    def sent_on(self) -> Collection[str]:
        """Return the user's groups whose next record must not go into the first open event."""
        if self.ahead:
            self.ahead = {group: number for group, number in self.ahead.items() if number > self.first}
        return self.ahead

    def close_all(self) -> None:
        """Close the open events at the end of the window."""
        while self.open:
            self._close_first(self.open[0].place)

    def _opened(self, place: int) -> OpenEvent:
        event = self._window.open(self.first + len(self.open), place)
        self.open.append(event)
        return event

    def _take(self, event: OpenEvent, records: LaneRecords, start: int, end: int) -> None:
        used = event.used
        event.take(records, start, end)
        self.used += event.used - used
        self._window.record_taken(event, end - start)

    def _close_first(self, place: int) -> None:
        event = self.open.popleft()
        self.first += 1
        self.used -= event.used
        self._window.close(place, event.run(self.group))
