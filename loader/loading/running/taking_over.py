"""Take over the results of shards of another division, or of a lost machine, slice by slice."""

from collections.abc import Callable

from loader.checkpoint import Checkpoint, WindowProgress
from loader.checkpoint.doubt import SKIPPED, SKIPPED_MESSAGE
from loader.checkpoint.progress import doubt_since
from loader.errors import DecisionNeeded
from loader.job import OnFailure
from loader.loading.doubts import DoubtRule
from loader.loading.running.counters import LoadCounters
from loader.model import SAFE_SECONDS, Event, EventResult, EventState, SlicePlan
from loader.shards.earlier import EarlierShards, TakenOver


class TakingOver:
    """Copies the results of earlier shards into the checkpoint of this shard, which then is complete.

    Args:
        doubt: What happens to an event in doubt whose token has expired.
        earlier: The checkpoints of earlier shards, or None if there are none.
        checkpoint: The checkpoint of this shard.
        counters: Count the results that are taken over.
        clock: Returns epoch seconds.
    """

    def __init__(
        self,
        doubt: DoubtRule,
        earlier: EarlierShards | None,
        checkpoint: Checkpoint,
        counters: LoadCounters,
        clock: Callable[[], float],
    ) -> None:
        self._doubt = doubt
        self._earlier = earlier
        self._checkpoint = checkpoint
        self._counters = counters
        self._clock = clock
        self._gaps = checkpoint.progress.gaps

    def of_slice(self, plan: SlicePlan, progress: WindowProgress | None) -> TakenOver | None:
        """Take over the earlier results for the events of a slice, record them, and return them.

        Args:
            plan: The slice.
            progress: The results of earlier runs of this shard for its window.

        Raises:
            DecisionNeeded: An event is in doubt, its token has expired, and the user must decide.
            CheckpointMismatch: An earlier shard planned another event for the same rows.
        """
        if self._earlier is None and not self._gaps:
            return None
        taken = TakenOver() if self._earlier is None else self._earlier.of_slice(plan)
        self._add_gaps(taken, plan, progress)
        if progress is not None:
            for index in [index for index in taken.settled if not progress.to_send(index)]:
                del taken.settled[index]
        events = {event.index: event for event in plan.events}
        own_parts = progress.parts if progress is not None else {}
        for index in [index for index in taken.parts if index in own_parts]:
            del taken.parts[index]
        for index, parts in taken.parts.items():
            for part in parts:
                self._checkpoint.record_part(events[index], part)
        self._decide_doubts(taken, events)
        for result in taken.settled.values():
            self._checkpoint.record(result)
        self._counters.taken_over(list(taken.settled.values()))
        return taken

    def _add_gaps(self, taken: TakenOver, plan: SlicePlan, progress: WindowProgress | None) -> None:
        """Add the events that a lost machine may have sent as in doubt, unless a later run has an answer."""
        since = doubt_since(self._gaps, plan.window)
        if since is None:
            return
        for event in plan.events:
            index = event.index
            is_answered = progress is not None and (not progress.to_send(index) or index in progress.failed)
            if not is_answered and index not in taken.settled:
                taken.in_doubt[index] = min(since, taken.in_doubt.get(index, since))

    def _decide_doubts(self, taken: TakenOver, events: dict[int, Event]) -> None:
        before = self._clock() - SAFE_SECONDS
        for index in [index for index, since in taken.in_doubt.items() if since < before]:
            since = taken.in_doubt.pop(index)
            if self._doubt.skips:
                taken.settled[index] = EventResult(
                    events[index], EventState.FAILED, None, SKIPPED, SKIPPED_MESSAGE, 0, since
                )
            elif not self._doubt.may_resend:
                raise DecisionNeeded(
                    "Events of other runners may have been accepted, and their tokens have expired.",
                    where=str(self._checkpoint.run_dir),
                    why="APPEND adds a record again if its event is sent again after 8 hours",
                    next_step="run the load again with --in-doubt resend (some records may be doubled) or "
                    "--in-doubt skip (some may be missing)",
                )


def held_groups(
    on_failure: OnFailure, checkpoint: Checkpoint, earlier: EarlierShards | None, *, retry_failed: bool
) -> frozenset[str]:
    """Return the groups that ``--on-failure hold`` holds back when the run begins."""
    if on_failure is not OnFailure.HOLD:
        return frozenset()
    of_earlier = earlier.held_groups() if earlier is not None and not retry_failed else frozenset()
    return checkpoint.progress.held_groups() | of_earlier
