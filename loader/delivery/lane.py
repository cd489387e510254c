"""A lane: the FIFO queue of the events of one group, and the state of the group.

The states of a lane and all legal transitions:

    from       to          when
    IDLE       UNMARKED    add: first event of the group
    UNMARKED   MARKING     to_mark
    MARKING    READY       marked
    READY      IN_FLIGHT   take
    IN_FLIGHT  READY       release: the next event is marked
    IN_FLIGHT  UNMARKED    release: the next event is not marked
    UNMARKED   READY       marked: the mark was being written when the event became the first
    IN_FLIGHT  IDLE        release: the lane has no further event
    IN_FLIGHT  WAITING     retry: the same event again, not before its due time
    IN_FLIGHT  WAITING     divide: the parts replace the event, and the first part is next
    WAITING    IN_FLIGHT   take, when the event is due
    WAITING    UNMARKED    take, when the event is due and its mark was revoked
    IN_FLIGHT  HELD        hold: the event failed, and later events of its group must not overtake it

Illegal transitions, with reasons:

    READY or WAITING -> IDLE, HELD    only an attempt settles an event; a queue is never dropped
    IN_FLIGHT -> IN_FLIGHT            two concurrent events of one group may arrive in the wrong order
    HELD -> anything                  a group stays on hold until the load ends; a later run retries it

A group in state IDLE or HELD has no lane object. If a delivery needs no marks, an UNMARKED lane becomes READY
immediately.
"""

from enum import Enum

from loader.delivery.entry import Entry


class LaneState(Enum):
    """The state of a group. The module docstring lists the transitions."""

    IDLE = "idle"
    UNMARKED = "unmarked"
    MARKING = "marking"
    READY = "ready"
    IN_FLIGHT = "in flight"
    WAITING = "waiting"
    HELD = "held"


class Lane:
    """The events of one group as a linked list. A deque would cost 600 bytes for each group of one event.

    Attributes:
        first: The event at the head of the lane.
        last: The newest event.
        ahead: Number of marked events directly after the first.
        last_marked: The last of these events, or the first event if there is none.
        state: The state of the group.
    """

    __slots__ = ("ahead", "first", "last", "last_marked", "state")

    def __init__(self, entry: Entry) -> None:
        self.first = entry
        self.last = entry
        self.ahead = 0
        self.last_marked = entry
        self.state = LaneState.UNMARKED
