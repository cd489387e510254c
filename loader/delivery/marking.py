"""Write-ahead marks: an event is sent only after a durable mark permits it.

After a crash every marked event without an answer is in doubt. The number of marked but unsent events must
therefore be small. It has a fixed bound, independent of the rate and of the distribution of events over
lanes.

Rules kept here:

1. One mark is written at a time. The write starts while a quarter of the marked events are still unsent, so
   that delivery does not wait for the disk.
2. At most ``MARKED_AHEAD`` events are marked and unsent. At most ``LOOK_AHEAD`` of them wait behind others of
   their groups, so that blocked lanes cannot use the marks that other lanes need.
3. Events that are marked and cannot have been accepted are marked again every ``RENEWAL_SECONDS``. The time
   of a doubt is therefore close to the time of its attempt.
"""

import asyncio
import math
from collections.abc import Callable, Sequence

from loader.delivery.entry import Entry
from loader.delivery.interfaces import Surroundings, WriteAhead, contained_work
from loader.delivery.lanes import Lanes
from loader.errors import LoaderError, unhandled

MARKED_AHEAD = 512
"""Maximum number of marked and unsent events. A kill leaves at most these and those in flight in doubt."""

MARK_BELOW = MARKED_AHEAD // 4
"""Number of unsent events at which the next mark is written. They last 13 ms at 10,000 events per second,
which is longer than a flush takes on most disks. A larger number makes smaller marks, and each mark costs a
commit."""

LOOK_AHEAD = 128
"""Maximum number of marked and unsent events that wait behind an event of their group."""

TOP_UP_SECONDS = 0.01
"""Interval of the check whether lanes need more marks ahead. The check takes one microsecond per ten
lanes."""

RENEWAL_SECONDS = 60.0
"""Maximum age of the mark of a waiting event: 1/480 of the life of a token."""


class Marker:
    """Writes marks ahead of the attempts.

    Args:
        lanes: The lanes with the events.
        write_ahead: Storage of the marks, or None if the load needs no marks.
        surroundings: Clocks.
        wake: Set when further events may be taken.
        stop_with: Called with the error that stops the load.
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
        """Start to write a mark if one is needed at ``now`` (monotonic seconds).

        The pump and the workers call it before each attempt.
        """
        lanes = self._lanes
        if self._task is not None or self._write_ahead is None or lanes.unsent > MARK_BELOW:
            return
        lacks_ahead = lanes.behind and lanes.ahead <= self._most_ahead // 2 and now >= self._top_up_at
        if lacks_ahead or lanes.has_unmarked():
            self._top_up_at = now + TOP_UP_SECONDS
            self._start(lanes.to_mark(MARKED_AHEAD - lanes.unsent, LOOK_AHEAD), self._write_ahead)

    @property
    def renewal_seconds(self) -> float:
        """Seconds until the next call of ``renew``; infinite if no event is marked."""
        if self._write_ahead is None or not self._lanes:
            return math.inf
        return max(0.0, self._renew_at - self._surroundings.wall())

    def clock_was_set(self) -> None:
        """Record that earlier marks have wrong times. The marks of waiting events are renewed immediately."""
        self._renew_at = -math.inf
        self._wake.set()

    def renew(self) -> None:
        """Renew the marks of waiting events that cannot have been accepted, if the renewal is due."""
        if self._task is not None or self._write_ahead is None:
            return
        now = self._surroundings.wall()
        if now >= self._renew_at:
            self._renew_at = now + RENEWAL_SECONDS
            self._start([], self._write_ahead, list(self._lanes.never_accepted()))

    async def stop(self) -> None:
        """Wait until the current mark is written."""
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
        except Exception as fault:  # noqa: BLE001 - it stops the load; the pump would wait for the mark
            self._stop_with(fault if isinstance(fault, LoaderError) else unhandled(fault))
            return  # _task stays set, so that no further mark is written and no further event is sent
        self._lanes.marked(entries)
        self._most_ahead = self._lanes.ahead
        self._task = None
        self._wake.set()
