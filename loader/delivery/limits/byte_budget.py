"""The byte budget: it limits the memory of the events that the delivery holds, and causes backpressure.

Rules kept here:

1. The held events exceed the budget by less than one event.
2. An event counts from its offer until it is settled, including the time it waits for a retry.
3. An event counts with its total memory, not only with its payload. In extracts of short rows the objects
   around the payload use more memory than the payload.
"""

from loader.model import Event

EVENT_OVERHEAD_BYTES = 600
"""Memory in bytes of an event without payload and rows. Event, token, group, entry and lane take 570 bytes
(measured with tracemalloc on CPython 3.11); the rest is for the overhead of the allocator."""

ROW_BYTES = 36
"""Memory in bytes of one row position: an int and its slot in a tuple."""

_ROOM_SHARE = 8
"""Waiting offers continue when one of this many parts of the budget is free, so that one wake-up serves many
events."""


class ByteBudget:
    """The bytes held and their maximum.

    Args:
        max_bytes: The budget in bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._relaxed_bytes = max_bytes - max_bytes // _ROOM_SHARE
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the events that are held now."""
        return self._held_bytes

    @property
    def has_room(self) -> bool:
        """Whether the delivery may take one more event."""
        return self._held_bytes < self._max_bytes

    @property
    def is_relaxed(self) -> bool:
        """Whether enough of the budget is free for waiting offers to continue."""
        return self._held_bytes < self._relaxed_bytes

    def hold(self, event: Event) -> None:
        """Add an event to the bytes held."""
        self._held_bytes += event_bytes(event)

    def release(self, event: Event) -> None:
        """Subtract a settled event from the bytes held."""
        self._held_bytes -= event_bytes(event)


def event_bytes(event: Event) -> int:
    """Return the memory of a held event in bytes."""
    return len(event.quoted) + EVENT_OVERHEAD_BYTES + ROW_BYTES * len(event.rows)
