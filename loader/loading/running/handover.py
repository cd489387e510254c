"""Hand planned events over to the delivery, except those that need no attempt."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from loader.checkpoint import Checkpoint, WindowProgress
from loader.delivery.dispatcher import Dispatcher
from loader.model import Event, PartResult, PartState, SlicePlan
from loader.shards.earlier import TakenOver

OnSlice = Callable[[SlicePlan, Mapping[int, int], bool], None]

TakeOver = Callable[[SlicePlan, WindowProgress | None], TakenOver | None]

EVENTS_AT_ONCE = 1024
"""Number of events that are handed over between two waits for the receiver of the results."""


class Feeder:
    """Passes the events of plans to a dispatcher.

    Args:
        checkpoint: Has the results of earlier runs.
        dispatcher: Takes the events.
        on_slice: Called before the events of a slice are handed over, with the slice, the rows by file that
            need no more work, and whether no earlier run planned it.
        caught_up: Awaited before each chunk, so that the receiver of the results can slow the load down.
        take_over: Returns the results of shards of another division for the events of a slice, or None.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        dispatcher: Dispatcher,
        on_slice: OnSlice,
        caught_up: Callable[[], Awaitable[object]] | None = None,
        take_over: TakeOver = lambda _plan, _known: None,
    ) -> None:
        self._checkpoint = checkpoint
        self._dispatcher = dispatcher
        self._on_slice = on_slice
        self._caught_up = caught_up
        self._take_over = take_over
        self._progress: WindowProgress | None = None

    async def feed(self, plans: AsyncIterator[SlicePlan]) -> None:
        """Hand over the events of all plans, until the load stops and the delivery takes no more."""
        async for plan in plans:
            if not await self._feed_slice(plan):
                return
            # Otherwise its events would stay in memory until the next slice is planned.
            del plan

    async def _feed_slice(self, plan: SlicePlan) -> bool:
        if plan.number == 0:
            # The results of earlier runs for a window are complete before this run begins it.
            self._progress = self._checkpoint.progress.of_window(plan.window)
        progress = self._progress
        is_new = self._checkpoint.begin_slice(plan)
        settled = Counter({file.file: file.rows_read - file.records for file in plan.files})
        events = plan.events
        if progress is not None:
            events = [event for event in events if progress.to_send(event.index)]
            _count_settled(settled, plan, progress)
        taken = self._take_over(plan, progress)
        if taken is not None:
            events = [event for event in events if event.index not in taken.settled]
            for result in taken.settled.values():
                settled.update(dict(result.event.rows_by_file()))
            for index, parts in taken.parts.items():
                _count_parts(settled, plan.events[index - plan.first_index], parts)
        self._on_slice(plan, settled, is_new)
        return await self._hand_over(events, _Known(progress, taken))

    async def _hand_over(self, events: Sequence[Event], known: "_Known") -> bool:
        for start in range(0, len(events), EVENTS_AT_ONCE):
            if self._caught_up is not None:
                await self._caught_up()
            if not await self._offer(events[start : start + EVENTS_AT_ONCE], known):
                return False
        return True

    async def _offer(self, chunk: Sequence[Event], known: "_Known") -> bool:
        for event in chunk:
            if known.nothing:
                taken = await self._dispatcher.offer(event)
            else:
                since = known.in_doubt_since(event.index)
                taken = await self._dispatcher.offer(
                    event,
                    first_attempt_at=since,
                    may_have_been_accepted=since is not None,
                    known_parts=known.parts(event.index),
                )
            if not taken:
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Known:
    """The results of earlier runs, and of shards of another division, for the events of a slice."""

    progress: WindowProgress | None
    taken: TakenOver | None

    @property
    def nothing(self) -> bool:
        return self.progress is None and self.taken is None

    def in_doubt_since(self, index: int) -> float | None:
        sources = (self.progress.in_doubt if self.progress else {}, self.taken.in_doubt if self.taken else {})
        return min([source[index] for source in sources if index in source], default=None)

    def parts(self, index: int) -> Sequence[PartResult]:
        own = self.progress.parts.get(index, ()) if self.progress else ()
        return own or (self.taken.parts.get(index, ()) if self.taken else ())


def _count_parts(settled: Counter[int], event: Event, parts: Sequence[PartResult]) -> None:
    for each in parts:
        if each.state is not PartState.DIVIDED:
            settled.update(dict(event.rows_by_file(each.part.first, each.part.first + each.part.count)))


def _count_settled(settled: Counter[int], plan: SlicePlan, progress: WindowProgress) -> None:
    """Add the rows, by file, of events and parts of events that need no more work."""
    for event in plan.events:
        if not progress.to_send(event.index):
            settled.update(dict(event.rows_by_file()))
            continue
        for part in progress.settled_parts(event.index):
            settled.update(dict(event.rows_by_file(part.first, part.first + part.count)))
