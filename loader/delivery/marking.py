"""The write-ahead: an event is sent only after a durable mark says that it may be.

After a crash the marked events without an answer are in doubt, so few may be marked that are not sent. How
many there are is a fixed number, whatever the rate and however the events are spread over lanes.

Rules kept here:

1. One mark is written at a time. Half of the events marked ahead are left while it is, so that delivery does
   not wait for the disk.
2. At most ``MARKED_AHEAD`` events are marked and not sent. At most ``LOOK_AHEAD`` of them wait behind others
   of their groups, so that lanes that are held up cannot use up what the other lanes need.
3. What is marked and cannot have been accepted is marked again every ``RENEWAL_SECONDS``: doubt is never much
   older than the attempt it is about.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from loader.delivery.entry import Entry
from loader.delivery.interfaces import Surroundings, contained_work
from loader.delivery.lanes import Lanes
from loader.errors import LoaderError, unhandled

MARKED_AHEAD = 384
"""Most events that are marked and not sent. Half of them last 24 ms at 8,000 events a second: longer than a
flush of most disks takes."""

LOOK_AHEAD = 128
"""Most of these that wait behind an event of their group."""

TOP_UP_SECONDS = 0.01
"""How often it is looked whether lanes need more marks ahead. Looking costs a microsecond for ten lanes."""

RENEWAL_SECONDS = 60.0
"""Every mark of an event that waits is younger: 1/480 of a token's life."""


class WriteAhead(Protocol):
    """Whoever keeps the marks."""

    async def mark_sendable(self, places: Sequence[tuple[int, int]]) -> None:
        """Write down that events, each named by window and index, may be sent from now on; durable on return.

        Raises:
            LoaderError: The disk refused. The events must not be sent.
        """


class Marker:
    """Keeps enough events marked.

    Args:
        lanes: Where the events are.
        write_ahead: Keeps the marks; None if there is no need for any.
        surroundings: Clocks.
        wake: Set when events may be taken that could not before.
        stop_with: Called with what stops the load.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        write_ahead: WriteAhead | None,
        surroundings: Surroundings,
        wake: asyncio.Event,
        stop_with: Callable[[LoaderError], None],
    ) -> None:
        self._lanes = lanes
        self._write_ahead = write_ahead
        self._surroundings = surroundings
        self._wake = wake
        self._stop_with = stop_with
        self._task: asyncio.Task[None] | None = None
        self._top_up_at = 0.0
        self._most_ahead = 0
        self._renew_at = surroundings.wall() + RENEWAL_SECONDS

    def look(self, now: float) -> None:
        """Write a mark if one is needed at ``now`` (monotonic seconds); to be called before each attempt."""
        lanes = self._lanes
        if self._task is not None or self._write_ahead is None or lanes.unsent > MARKED_AHEAD // 2:
            return
        lacks_ahead = lanes.behind and lanes.ahead <= self._most_ahead // 2 and now >= self._top_up_at
        if lacks_ahead or lanes.has_unmarked():
            self._top_up_at = now + TOP_UP_SECONDS
            self._start(lanes.to_mark(MARKED_AHEAD - lanes.unsent, LOOK_AHEAD), self._write_ahead)

    @property
    def renewal_seconds(self) -> float:
        """In how many seconds ``renew`` is to be called; infinite if nothing is marked."""
        if self._write_ahead is None or not self._lanes:
            return math.inf
        return max(0.0, self._renew_at - self._surroundings.wall())

    def clock_was_set(self) -> None:
        """Note that earlier marks have wrong times: those of events that wait are renewed at once."""
        self._renew_at = -math.inf
        self._wake.set()

    def renew(self) -> None:
        """Mark again what has waited for long and cannot have been accepted, if it is time."""
        if self._task is not None or self._write_ahead is None:
            return
        now = self._surroundings.wall()
        if now >= self._renew_at:
            self._renew_at = now + RENEWAL_SECONDS
            self._start([], self._write_ahead, list(self._lanes.never_accepted()))

    async def stop(self) -> None:
        """Wait for the mark that is being written."""
        if self._task is not None:
            await self._task

    def _start(self, entries: list[Entry], write_ahead: WriteAhead, again: Sequence[Entry] = ()) -> None:
        places = [(entry.event.window, entry.event.index) for entry in (*entries, *again)]
        if places:
            self._task = asyncio.create_task(self._mark(places, entries, write_ahead))

    async def _mark(
        self, places: Sequence[tuple[int, int]], entries: list[Entry], write_ahead: WriteAhead
    ) -> None:
        try:
            with contained_work():
                await write_ahead.mark_sendable(places)
        except Exception as fault:  # noqa: BLE001 - it stops the load, whose pump would wait for the mark
            self._stop_with(fault if isinstance(fault, LoaderError) else unhandled(fault))
            return  # for good: nothing may be sent any more
        self._lanes.marked(entries)
        self._most_ahead = self._lanes.ahead
        self._task = None
        self._wake.set()
