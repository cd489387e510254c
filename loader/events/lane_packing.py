"""The open events of one lane, and which of them takes a record.

Rules kept here:

1. The events of a lane are sent in the order in which they were opened, so only its first open event is ever
   closed: a later one may hold a record that must not go before it.
2. A record goes into the first open event with room for it, but not before the last record of its user's
   group, and after the last record of its primary key. So a repeated key, or a record too large for what is
   left of an event, sends only its own group on; the others go on filling the earlier event.
3. A record that does not fit closes the first event if that is full to seven eighths. A lane of more than
   `MAX_OPEN` events, or of more bytes than it may hold, closes its first event.
4. All of this depends on the records of the lane alone, so that another process that packs other lanes of
   the same window has no influence on it.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from loader.events.open_event import LaneRecords, OpenEvent, PackedRun
from loader.model import MAX_EVENT_BYTES

LARGE_RECORD_BYTES = MAX_EVENT_BYTES // 8
"""A record that is not larger fits into every event that is not yet full to seven eighths."""

FULL_BYTES = MAX_EVENT_BYTES - LARGE_RECORD_BYTES - 2

MAX_OPEN = 64
"""Maximum number of open events of a lane: a key with a million rows opens an event for each."""

MOST_USED = MAX_EVENT_BYTES - 1
"""What the records of an array may come to if each is counted with a comma: brackets, but one comma less."""


@dataclass(slots=True)
class WindowPacking:
    """What the lanes of a window have in common.

    Attributes:
        next_serial: Number of the next event that is opened.
        closed: Events that were closed, each with the position in the window of the row that closed it.
        taken: Serials of events and how many records each took, lane by lane.
    """

    next_serial: int = 0
    closed: list[tuple[int, PackedRun]] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)


class PackingLane:
    """The open events of one lane.

    Args:
        group: Its ``eventGroupId``.
        max_bytes: Most bytes that its open events may hold.
        max_records: Most records of an event.
        is_one_group: Whether all its records are of one user's group, so that no other may fill up an event
            from which that group was sent on.
        window: What it has in common with other lanes.

    Attributes:
        open: Its open events, in order.
        first: Number of the first of them, or of the next one to be opened.
        ahead: Number of the event that has the last record of a user's group, of groups that were sent on.
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
        self, group: str, *, max_bytes: int, max_records: int, is_one_group: bool, window: WindowPacking
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
        """Put the records from ``start`` up to ``end``, which no group and no key holds back, into events."""
        begins = records.begins
        while start < end:
            event = self.open[0] if self.open else self._opened(records.places[start])
            room = min(MOST_USED - event.used, self.max_bytes - self.used)
            fitting = bisect_right(begins, begins[start] + room, start, end + 1) - 1
            until = min(fitting, start + self.max_records - event.count)
            if until <= start and not event.count:
                until = start + 1  # a record alone needs no brackets, and so always fits
            if until > start:
                self._take(event, records, start, until)
                start = until
            else:
                self._close_first(records.places[start])

    def place_each(
        self, records: LaneRecords, start: int, singles: Sequence[int], known: dict[str, int]
    ) -> int:
        """Put records into events, and some of them one by one; return the position behind the last of these.

        Args:
            records: The slice.
            start: The first record.
            singles: Which records are to be put one by one, ascending.
            known: Number of the event with the last record of a key, of keys that come again.
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
            position: Which record.
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
        """Close what is open at the end of the self._window."""
        while self.open:
            self._close_first(self.open[0].place)

    def _opened(self, place: int) -> OpenEvent:
        event = OpenEvent(self._window.next_serial, self.first + len(self.open), place)
        self._window.next_serial += 1
        self.open.append(event)
        return event

    def _take(self, event: OpenEvent, records: LaneRecords, start: int, end: int) -> None:
        used = event.used
        event.take(records, start, end)
        self.used += event.used - used
        self._window.taken.append((event.serial, end - start))

    def _close_first(self, place: int) -> None:
        event = self.open.popleft()
        self.first += 1
        self.used -= event.used
        self._window.closed.append((place, event.run(self.group)))
