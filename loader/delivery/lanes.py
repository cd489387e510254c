"""The lanes: one queue per group, and which event may go next.

Rules kept here:

1. At most one event of a group is in flight, and a retry goes out before anything later of its group.
2. Lanes take turns: they are served in the order in which they became ready. Retries that are due go
   before lanes that are only ready: their tokens are ageing.
3. A lane without events takes no memory. Only groups on hold are remembered.

The states of a lane, and the only ways between them:

    from       to          when
    IDLE       READY       add: the first event of the group
    READY      IN_FLIGHT   take
    IN_FLIGHT  READY       release, and another event is behind
    IN_FLIGHT  IDLE        release, and none is
    IN_FLIGHT  WAITING     retry: the same event again, not before it is due
    IN_FLIGHT  WAITING     divide: the first of the parts that took the event's place
    WAITING    IN_FLIGHT   take, once it is due
    IN_FLIGHT  HELD        hold: the event failed and the later ones of its group must not overtake it

Illegal, and why:

    READY or WAITING -> IDLE, HELD    only an attempt settles an event; a queue is never dropped
    IN_FLIGHT -> IN_FLIGHT            two events of one group under way could arrive swapped
    HELD -> anything                  a group stays on hold until the load ends; a later run retries it

IDLE and HELD are not stored with a lane, as such a group has none.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from heapq import heappop, heappush

from loader.delivery.entry import Entry


class LaneState(Enum):
    """Where a group stands; the module docstring has the transitions."""

    IDLE = "idle"
    READY = "ready"
    IN_FLIGHT = "in flight"
    WAITING = "waiting"
    HELD = "held"


class _Lane:
    """The events of one group, as a chain: a deque would cost 600 bytes for each group of one event."""

    __slots__ = ("first", "last", "state")

    def __init__(self, entry: Entry) -> None:
        self.first = entry
        self.last = entry
        self.state = LaneState.READY


class Lanes:
    """All lanes of a load.

    Args:
        held: Groups that an earlier run of the load put on hold.

    Attributes:
        in_flight: Events taken and not yet released, retried or put on hold. For others to read only.
    """

    def __init__(self, held: Iterable[str] = ()) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._waiting: list[tuple[float, int, _Lane]] = []
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
            self._lanes[group] = lane = _Lane(entry)
            self._ready.append(lane)
        self._events += 1
        return True

    def has_next(self, now: float) -> bool:
        """Return whether ``take`` would find an event at ``now``."""
        return bool(self._ready) or (bool(self._waiting) and self._waiting[0][0] <= now)

    def take(self, now: float) -> Entry | None:
        """Return the next event that may go, its lane busy from here on; None if there is none."""
        waiting = self._waiting
        if waiting and waiting[0][0] <= now:
            lane = heappop(waiting)[2]
        elif self._ready:
            lane = self._ready.popleft()
        else:
            return None
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
        lane.state = LaneState.READY
        self._ready.append(lane)

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
        lane.first = parts[0]
        self._events += len(parts) - 1
        self._wait(lane, now)

    def hold(self, entry: Entry) -> list[Entry]:
        """Let a failed event go and put its group on hold.

        Returns:
            The events behind it, in order: they leave the lanes unprocessed.
        """
        self._landed(entry)
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

    def _wait(self, lane: _Lane, due: float) -> None:
        lane.state = LaneState.WAITING
        self._retries += 1  # keeps retries due at one instant in order; lanes cannot be compared
        heappush(self._waiting, (due, self._retries, lane))

    def _landed(self, entry: Entry) -> _Lane:
        lane = self._lanes.get(entry.event.group)
        if lane is None or lane.first is not entry or lane.state is not LaneState.IN_FLIGHT:
            raise RuntimeError("an event that is not in flight cannot be settled")
        self.in_flight -= 1
        return lane


def _chain(entry: Entry | None) -> Iterator[Entry]:
    while entry is not None:
        yield entry
        entry = entry.next
