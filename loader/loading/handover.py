"""Hand planned events over to delivery: only those to be sent."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from loader.checkpoint import Checkpoint, WindowProgress
from loader.delivery.dispatcher import Dispatcher
from loader.model import Event, WindowPlan

OnWindow = Callable[[WindowPlan, int, bool], None]

EVENTS_AT_ONCE = 1024
"""So many events are handed over before it is asked again whether whoever takes the results keeps up."""


class Feeder:
    """Feeds a dispatcher from plans.

    Args:
        checkpoint: Knows what earlier runs delivered.
        dispatcher: Takes the events.
        on_window: Called with each window when its events are about to be handed over, the number of its
            rows that need no more work, and whether no earlier run planned it.
        caught_up: Awaited before each chunk: whoever takes the results can slow the load down.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        dispatcher: Dispatcher,
        on_window: OnWindow,
        caught_up: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._dispatcher = dispatcher
        self._on_window = on_window
        self._caught_up = caught_up

    async def feed(self, plans: AsyncIterator[WindowPlan]) -> None:
        """Hand over the events of all plans, or until delivery takes no more because the load stops."""
        async for plan in plans:
            if not await self._feed_window(plan):
                return
            # Or its events would stay in memory, delivered or not, until the next window is planned.
            del plan

    async def _feed_window(self, plan: WindowPlan) -> bool:
        progress = self._checkpoint.window_progress(plan.number)
        self._checkpoint.begin_window(plan)
        events = plan.events
        settled_rows = plan.rows_read - plan.records
        if progress is not None:
            events = [event for event in events if progress.to_send(event.index)]
            left = sum(len(event.rows) - progress.settled_records(event.index) for event in events)
            settled_rows += plan.records - left
        self._on_window(plan, settled_rows, progress is None)
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
