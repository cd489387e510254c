"""Hand planned events over to delivery: only those to be sent."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from loader.checkpoint import Checkpoint, WindowProgress
from loader.delivery.dispatcher import Dispatcher
from loader.model import Event, SlicePlan

OnSlice = Callable[[SlicePlan, Mapping[int, int], bool], None]

EVENTS_AT_ONCE = 1024
"""So many events are handed over before it is asked again whether whoever takes the results keeps up."""


class Feeder:
    """Feeds a dispatcher from plans.

    Args:
        checkpoint: Knows what earlier runs delivered.
        dispatcher: Takes the events.
        on_slice: Called with each slice when its events are about to be handed over, the rows by file that
            need no more work, and whether no earlier run planned it.
        caught_up: Awaited before each chunk: whoever takes the results can slow the load down.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        dispatcher: Dispatcher,
        on_slice: OnSlice,
        caught_up: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._dispatcher = dispatcher
        self._on_slice = on_slice
        self._caught_up = caught_up
        self._progress: WindowProgress | None = None

    async def feed(self, plans: AsyncIterator[SlicePlan]) -> None:
        """Hand over the events of all plans, or until delivery takes no more because the load stops."""
        async for plan in plans:
            if not await self._feed_slice(plan):
                return
            # Or its events would stay in memory, delivered or not, until the next window is planned.
            del plan

    async def _feed_slice(self, plan: SlicePlan) -> bool:
        if plan.number == 0:
            # What earlier runs found out of a window is all there before this one begins it.
            self._progress = self._checkpoint.window_progress(plan.window)
        progress = self._progress
        is_new = self._checkpoint.begin_slice(plan)
        settled = Counter({file.file: file.rows_read - file.records for file in plan.files})
        events = plan.events
        if progress is not None:
            events = [event for event in events if progress.to_send(event.index)]
            _count_settled(settled, plan, progress)
        self._on_slice(plan, settled, is_new)
        return await self._hand_over(events, progress)

    async def _hand_over(self, events: Sequence[Event], progress: WindowProgress | None) -> bool:
        for start in range(0, len(events), EVENTS_AT_ONCE):
            if self._caught_up is not None:
                await self._caught_up()
            if not await self._offer(events[start : start + EVENTS_AT_ONCE], progress):
                return False
        return True

    async def _offer(self, chunk: Sequence[Event], progress: WindowProgress | None) -> bool:
        for event in chunk:
            if progress is None:
                taken = await self._dispatcher.offer(event)
            else:
                since = progress.in_doubt.get(event.index)
                taken = await self._dispatcher.offer(
                    event,
                    first_attempt_at=since,
                    may_have_been_accepted=since is not None,
                    known_parts=progress.parts.get(event.index, ()),
                )
            if not taken:
                return False
        return True


def _count_settled(settled: Counter[int], plan: SlicePlan, progress: WindowProgress) -> None:
    """Add the rows by file of events, and parts of events, that need no more work."""
    for event in plan.events:
        if not progress.to_send(event.index):
            settled.update(dict(event.rows_by_file()))
            continue
        for part in progress.settled_parts(event.index):
            settled.update(dict(event.rows_by_file(part.first, part.first + part.count)))
