"""The byte budget: how much of the extract the delivery may hold at once.

Rules kept here:

1. The events held exceed the budget by less than one event.
2. An event counts from the moment it is offered until it is settled: waiting for a retry is no way out.
3. An event counts with what it costs in memory, not with its payload alone: in extracts of short rows
   the objects around the payload are the larger part.
"""

from loader.model import Event

EVENT_OVERHEAD_BYTES = 600
"""Memory of an event besides payload and rows, measured with tracemalloc on CPython 3.11 (510 bytes for
event, token, group, entry and lane) and rounded up for what the allocator adds."""

ROW_BYTES = 36
"""Memory of one row position: an int and its place in a tuple."""

_ROOM_SHARE = 8
"""Offers that had to wait go on when an eighth of the budget is free: one wake-up for many events."""


class ByteBudget:
    """Bytes held, against the most that may be.

    Args:
        max_bytes: The budget.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._relaxed_bytes = max_bytes - max_bytes // _ROOM_SHARE
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the events held now."""
        return self._held_bytes

    @property
    def has_room(self) -> bool:
        """Whether one more event may be taken."""
        return self._held_bytes < self._max_bytes

    @property
    def is_relaxed(self) -> bool:
        """Whether so much is free that waiting offers should go on."""
        return self._held_bytes < self._relaxed_bytes

    def hold(self, event: Event) -> None:
        """Count an event in."""
        self._held_bytes += event_bytes(event)

    def release(self, event: Event) -> None:
        """Count a settled event out."""
        self._held_bytes -= event_bytes(event)


def event_bytes(event: Event) -> int:
    """Return what an event costs in memory while it is held."""
    return len(event.quoted) + EVENT_OVERHEAD_BYTES + ROW_BYTES * len(event.rows)
