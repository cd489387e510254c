"""The lanes: one FIFO queue per group, and the choice of the next event.

Rules kept here:

1. At most one event of a group is in flight. A retry precedes all later events of its group.
2. Lanes are served in the order in which they became ready. Due retries precede ready lanes, because their
   tokens age.
3. A lane without events uses no memory. Only the names of groups on hold stay in memory.
4. An event is taken only after its write-ahead mark, if the delivery needs marks. `Marker` writes marks ahead
   for a limited number of events.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush

from loader.delivery.entry import Entry
from loader.delivery.lane import Lane, LaneState


class Lanes:
    """All lanes of a load.

    Args:
        held: Groups that an earlier run of the load put on hold.
        marks: Whether an event needs ``marked`` before it can be taken.

    Attributes:
        in_flight: Number of events taken and not yet released, retried or put on hold. Read-only for other
            modules.
        unsent: Number of events that are marked and not taken yet. Read-only for other modules.
        ahead: Number of these that wait behind other events of their groups. Read-only for other modules.
    """

    def __init__(self, held: Iterable[str] = (), *, marks: bool = False) -> None:
        self._lanes: dict[str, Lane] = {}
        self._marks = marks
        self._unmarked: deque[Lane] = deque()  # it may contain lanes that are no longer UNMARKED
        self.ahead = 0
        self.unsent = 0
        self._ready: deque[Lane] = deque()
        self._waiting: list[tuple[float, int, Lane]] = []
        self._held = set(held)
        self._events = 0
        self.in_flight = 0
        self._retries = 0

    def __len__(self) -> int:
        """Return the number of events held, including those in flight."""
        return self._events

    @property
    def waiting(self) -> int:
        """Number of lanes whose first event waits for a retry."""
        return len(self._waiting)

    @property
    def behind(self) -> int:
        """Number of events that wait for an earlier event of their group."""
        return self._events - len(self._lanes)

    @property
    def next_due(self) -> float | None:
        """Due time of the next retry (monotonic seconds), or None without a waiting retry."""
        return self._waiting[0][0] if self._waiting else None

    def state(self, group: str) -> LaneState:
        """Return the state of a group."""
        lane = self._lanes.get(group)
        if lane is not None:
            return lane.state
        return LaneState.HELD if group in self._held else LaneState.IDLE

    def add(self, entry: Entry) -> bool:
        """Append an event to the lane of its group.

        Returns:
            False if the group is on hold and the event was not added.
        """
        group = entry.event.group
        lane = self._lanes.get(group)
        if lane is not None:
            lane.last.next = entry
            lane.last = entry
        elif self._held and group in self._held:
            return False
        else:
            self._lanes[group] = lane = Lane(entry)
            if self._marks:
                self._unmarked.append(lane)
            else:
                self._line_up(lane)
        self._events += 1
        return True

    def has_next(self, now: float) -> bool:
        """Return whether ``take`` can return an event at ``now`` (monotonic seconds)."""
        return bool(self._ready) or (bool(self._waiting) and self._waiting[0][0] <= now)

    def take(self, now: float) -> Entry | None:
        """Return the next event that may start, and set its lane IN_FLIGHT. Return None if there is none."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            lane = heappop(waiting)[2]
            if not self._marks or lane.first.is_marked:
                break
            lane.state = LaneState.UNMARKED
            self._unmarked.appendleft(lane)
        else:
            if not self._ready:
                return None
            lane = self._ready.popleft()
            self.unsent -= 1
        lane.state = LaneState.IN_FLIGHT
        self.in_flight += 1
        return lane.first

    def release(self, entry: Entry) -> None:
        """Remove a settled event, so that the next event of its group may be taken."""
        lane = self._landed(entry)
        self._events -= 1
        following = entry.next
        if following is None:
            del self._lanes[entry.event.group]
            return
        entry.next = None  # a remaining reference to the entry must not keep the lane in memory
        lane.first = following
        if lane.ahead:
            lane.ahead -= 1
            self.ahead -= 1
            self.unsent -= 1  # _line_up adds it again
            self._line_up(lane)
        elif self._marks:
            lane.last_marked = following  # the lane must not keep the released entry in memory
            lane.state = LaneState.UNMARKED
            self._unmarked.append(lane)
        else:
            self._line_up(lane)

    def retry(self, entry: Entry, due: float) -> None:
        """Keep an event at the head of its lane for a retry at ``due`` (monotonic seconds) or later."""
        self._wait(self._landed(entry), due)

    def divide(self, entry: Entry, parts: Sequence[Entry], now: float) -> None:
        """Replace an event at the head of its lane by its parts, which are due immediately."""
        lane = self._landed(entry)
        for part, following in zip(parts, [*parts[1:], entry.next], strict=True):
            part.next = following
        if entry.next is None:
            lane.last = parts[-1]
        entry.next = None
        if not lane.ahead:
            lane.last_marked = parts[-1]
        for part in parts:  # the mark of the event covers its parts
            part.is_marked = True
        lane.first = parts[0]
        more = len(parts) - 1
        self._events += more
        if self._marks:
            lane.ahead += more
            self.ahead += more
            self.unsent += more
        self._wait(lane, now)

    def hold(self, entry: Entry) -> list[Entry]:
        """Remove a failed event and put its group on hold.

        Returns:
            The events after it, in order. They leave the lanes unprocessed.
        """
        lane = self._landed(entry)
        self.ahead -= lane.ahead
        self.unsent -= lane.ahead
        del self._lanes[entry.event.group]
        self._held.add(entry.event.group)
        parked = list(_chain(entry.next))
        entry.next = None
        self._events -= 1 + len(parked)
        return parked

    def remaining(self) -> Iterator[Entry]:
        """Yield every held event, in order within each group."""
        for lane in self._lanes.values():
            yield from _chain(lane.first)

    def has_unmarked(self) -> bool:
        """Return whether an event only waits for its mark."""
        return bool(self._unmarked)

    def to_mark(self, room: int, look_ahead: int) -> list[Entry]:
        """Return the events to mark next: first the heads of lanes, then the events after them.

        The caller must not call it again before it passes these events to ``marked``.

        Args:
            room: Maximum number of events to return.
            look_ahead: Maximum number of marked events that wait behind others of their groups. One lane gets
                at most a sixteenth of them, or an even share if that is more, so that a blocked lane leaves
                marks for the others.
        """
        entries: list[Entry] = []
        while self._unmarked and len(entries) < room:
            lane = self._unmarked.popleft()
            if lane.state is LaneState.UNMARKED:
                lane.state = LaneState.MARKING
                entries.append(lane.first)
        room = min(room - len(entries), look_ahead - self.ahead)
        if room <= 0 or self._events == len(self._lanes):
            return entries
        depth = max(look_ahead // 16, look_ahead // len(self._lanes))
        for lane in self._lanes.values():
            following = lane.last_marked.next if lane.state is not LaneState.UNMARKED else None
            for _ in range(min(depth - lane.ahead, room)):
                if following is None:
                    break
                entries.append(following)
                following = following.next
                room -= 1
        return entries

    def marked(self, entries: Iterable[Entry]) -> None:
        """Allow the events of the last ``to_mark`` to be taken, because their marks are durable."""
        for entry in entries:
            lane = self._lanes.get(entry.event.group)
            entry.is_marked = True
            if lane is None:
                continue  # its group was put on hold in the meantime
            if lane.first is entry:  # the events after it keep their marks if its own mark was revoked
                self._line_up(lane)
            else:
                lane.last_marked = entry
                lane.ahead += 1
                self.ahead += 1
                self.unsent += 1

    def take_back_mark(self, entry: Entry) -> None:
        """Revoke the mark of an event in flight. A retry requires a new mark."""
        entry.is_marked = not self._marks

    def never_accepted(self) -> Iterator[Entry]:
        """Yield the marked events that cannot have been accepted, excluding parts of events."""
        for lane in self._lanes.values():
            for entry in _chain(lane.first):
                if not entry.is_marked:
                    break
                in_play = entry.unanswered or entry.may_have_been_accepted or entry.part_of is not None
                if not (in_play or (entry is lane.first and lane.state is LaneState.IN_FLIGHT)):
                    yield entry

    def _line_up(self, lane: Lane) -> None:
        lane.state = LaneState.READY
        self._ready.append(lane)
        self.unsent += 1

    def _wait(self, lane: Lane, due: float) -> None:
        lane.state = LaneState.WAITING
        self._retries += 1  # tie-breaker for equal due times, because lanes are not comparable
        heappush(self._waiting, (due, self._retries, lane))

    def _landed(self, entry: Entry) -> Lane:
        lane = self._lanes.get(entry.event.group)
        if lane is None or lane.first is not entry or lane.state is not LaneState.IN_FLIGHT:
            raise RuntimeError("an event that is not in flight cannot be settled")
        self.in_flight -= 1
        return lane


def _chain(entry: Entry | None) -> Iterator[Entry]:
    while entry is not None:
        yield entry
        entry = entry.next
