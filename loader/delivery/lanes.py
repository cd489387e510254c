"""The lanes: one queue per group, and which event may go next.

Rules kept here:

1. At most one event of a group is in flight, and a retry goes out before anything later of its group.
2. Lanes take turns: they are served in the order in which they became ready. Retries that are due go
   before lanes that are only ready: their tokens are ageing.
3. A lane without events takes no memory. Only groups on hold are remembered.
4. An event is taken only when a mark names it: `Marker` writes marks, a bounded number ahead.
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
        marks: Whether an event is taken only after ``marked``; else each is as soon as it is added.

    Attributes:
        in_flight: Events taken and not yet released, retried or put on hold. For others to read only.
        unsent: Events that are marked and were not taken since. For others to read only.
        ahead: How many of them wait behind others of their groups. For others to read only.
    """

    def __init__(self, held: Iterable[str] = (), *, marks: bool = False) -> None:
        self._lanes: dict[str, Lane] = {}
        self._marks = marks
        self._unmarked: deque[Lane] = deque()  # may hold lanes that are not UNMARKED any more
        self.ahead = 0
        self.unsent = 0
        self._ready: deque[Lane] = deque()
        self._waiting: list[tuple[float, int, Lane]] = []
        self._held = set(held)
        self._events = 0
        self.in_flight = 0
        self._retries = 0

    def __len__(self) -> int:
        """Return the number of events held, those in flight included."""
        return self._events

    @property
    def waiting(self) -> int:
        """Lanes whose first event waits to be retried."""
        return len(self._waiting)

    @property
    def behind(self) -> int:
        """Events that wait for an earlier one of their group."""
        return self._events - len(self._lanes)

    @property
    def next_due(self) -> float | None:
        """When the next retry is due (monotonic seconds), or None if none waits."""
        return self._waiting[0][0] if self._waiting else None

    def state(self, group: str) -> LaneState:
        """Return where a group stands."""
        lane = self._lanes.get(group)
        if lane is not None:
            return lane.state
        return LaneState.HELD if group in self._held else LaneState.IDLE

    def add(self, entry: Entry) -> bool:
        """Put an event behind the others of its group.

        Returns:
            False if its group is on hold: the event was not taken.
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
        """Return whether ``take`` would find an event at ``now``."""
        return bool(self._ready) or (bool(self._waiting) and self._waiting[0][0] <= now)

    def take(self, now: float) -> Entry | None:
        """Return the next event that may go, its lane busy from here on; None if there is none."""
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
        """Let a settled event go; the next of its group may be taken."""
        lane = self._landed(entry)
        self._events -= 1
        following = entry.next
        if following is None:
            del self._lanes[entry.event.group]
            return
        entry.next = None  # whoever still has the entry must not keep the whole lane in memory
        lane.first = following
        if lane.ahead:
            lane.ahead -= 1
            self.ahead -= 1
            self.unsent -= 1  # lining up counts it again
            self._line_up(lane)
        elif self._marks:
            lane.last_marked = following  # or the lane would keep what was released in memory
            lane.state = LaneState.UNMARKED
            self._unmarked.append(lane)
        else:
            self._line_up(lane)

    def retry(self, entry: Entry, due: float) -> None:
        """Keep an event at the head of its lane, to be taken again not before ``due``."""
        self._wait(self._landed(entry), due)

    def divide(self, entry: Entry, parts: Sequence[Entry], now: float) -> None:
        """Put the parts of an event in its place at the head of its lane, to be taken at once."""
        lane = self._landed(entry)
        for part, following in zip(parts, [*parts[1:], entry.next], strict=True):
            part.next = following
        if entry.next is None:
            lane.last = parts[-1]
        entry.next = None
        if not lane.ahead:
            lane.last_marked = parts[-1]
        for part in parts:  # the mark of their event is theirs
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
        """Let a failed event go and put its group on hold.

        Returns:
            The events behind it, in order: they leave the lanes unprocessed.
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
        """Return every event held, in order within each group."""
        for lane in self._lanes.values():
            yield from _chain(lane.first)

    def has_unmarked(self) -> bool:
        """Return whether an event waits for nothing but its mark."""
        return bool(self._unmarked)

    def to_mark(self, room: int, look_ahead: int) -> list[Entry]:
        """Return events to be marked next: first those whose turn it is, then those behind them.

        Until ``marked`` is called with them there must be no other call.

        Args:
            room: Most events to return.
            look_ahead: Most marked events that may wait behind others of their groups. Of a lane they are a
                sixteenth, or its even share: one that is held up leaves some for the others.
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
        """Let events be taken that are marked now: they are those of the last ``to_mark``."""
        for entry in entries:
            lane = self._lanes.get(entry.event.group)
            entry.is_marked = True
            if lane is None:
                continue  # put on hold meanwhile
            if lane.first is entry:  # those behind it keep their marks if its own was taken back
                self._line_up(lane)
            else:
                lane.last_marked = entry
                lane.ahead += 1
                self.ahead += 1
                self.unsent += 1

    def take_back_mark(self, entry: Entry) -> None:
        """Let an event in flight be sent again only under a new mark."""
        entry.is_marked = not self._marks

    def never_accepted(self) -> Iterator[Entry]:
        """Return the marked events of which the service can have accepted none, but parts of events."""
        for lane in self._lanes.values():
            for entry in _chain(lane.first):
                if not entry.is_marked:
                    break
                in_play = entry.unanswered or entry.may_have_been_accepted or entry.bisection is not None
                if not (in_play or (entry is lane.first and lane.state is LaneState.IN_FLIGHT)):
                    yield entry

    def _line_up(self, lane: Lane) -> None:
        lane.state = LaneState.READY
        self._ready.append(lane)
        self.unsent += 1

    def _wait(self, lane: Lane, due: float) -> None:
        lane.state = LaneState.WAITING
        self._retries += 1  # keeps retries due at one instant in order; lanes cannot be compared
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
