"""One lane: the events of a group, and where the group stands.

The states of a lane, and the only ways between them:

    from       to          when
    IDLE       UNMARKED    add: the first event of the group
    UNMARKED   MARKING     to_mark
    MARKING    READY       marked
    READY      IN_FLIGHT   take
    IN_FLIGHT  READY       release, and another event is behind, which is marked
    IN_FLIGHT  UNMARKED    release, and another event is behind, which is not
    UNMARKED   READY       marked: the mark was under way when it became the first
    IN_FLIGHT  IDLE        release, and none is
    IN_FLIGHT  WAITING     retry: the same event again, not before it is due
    IN_FLIGHT  WAITING     divide: the first of the parts that took the event's place
    WAITING    IN_FLIGHT   take, once it is due
    WAITING    UNMARKED    take, once it is due, if its mark was taken back
    IN_FLIGHT  HELD        hold: the event failed and the later ones of its group must not overtake it

Illegal, and why:

    READY or WAITING -> IDLE, HELD    only an attempt settles an event; a queue is never dropped
    IN_FLIGHT -> IN_FLIGHT            two events of one group under way could arrive swapped
    HELD -> anything                  a group stays on hold until the load ends; a later run retries it

IDLE and HELD are not stored with a lane, as such a group has none.
"""

from enum import Enum

from loader.delivery.entry import Entry


class LaneState(Enum):
    """Where a group stands; the module docstring has the transitions."""

    IDLE = "idle"
    UNMARKED = "unmarked"
    MARKING = "marking"
    READY = "ready"
    IN_FLIGHT = "in flight"
    WAITING = "waiting"
    HELD = "held"


class Lane:
    """The events of one group, as a chain: a deque would cost 600 bytes for each group of one event.

    Attributes:
        first: The event whose turn it is.
        last: The newest one.
        ahead: How many events right behind the first are marked.
        last_marked: The last of these; the first event if there is none.
        state: Where the group stands.
    """

    __slots__ = ("ahead", "first", "last", "last_marked", "state")

    def __init__(self, entry: Entry) -> None:
        self.first = entry
        self.last = entry
        self.ahead = 0
        self.last_marked = entry
        self.state = LaneState.UNMARKED
