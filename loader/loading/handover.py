"""Hand planned events over to delivery: only those to be sent, each behind a durable mark."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from loader.checkpoint import Checkpoint, WindowProgress
from loader.delivery.dispatcher import Dispatcher
from loader.model import Event, WindowPlan

OnWindow = Callable[[WindowPlan, int, bool], None]

MARKED_EVENTS = 1024
"""Events behind one mark: a crash leaves at most a few times as many in doubt that were never sent, and
the flush a mark costs (milliseconds) is spread over them."""


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

    async def feed(self, plans: AsyncIterator[WindowPlan]) -> bool:
        """Hand over the events of all plans; return whether delivery took them all."""
        async for plan in plans:
            if not await self._feed_window(plan):
                return False
            # Or its events would stay in memory, delivered or not, until the next window is planned.
            del plan
        return True

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
        chunks = [events[start : start + MARKED_EVENTS] for start in range(0, len(events), MARKED_EVENTS)]
        marks = [self._mark(chunk) for chunk in chunks[:1]]
        try:
            for position, chunk in enumerate(chunks):
                await marks[position]
                if self._caught_up is not None:
                    await self._caught_up()
                # The next mark is written while this chunk is delivered.
                marks += [self._mark(following) for following in chunks[position + 1 : position + 2]]
                if not await self._offer(chunk, progress):
                    return False
        finally:
            for mark in marks:
                mark.cancel()
        return True

    def _mark(self, chunk: Sequence[Event]) -> "asyncio.Task[None]":
        last = chunk[-1]
        return asyncio.create_task(self._checkpoint.mark_sendable(last.window, last.index))

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
