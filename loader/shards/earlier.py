"""Find the results of earlier shards of a load for a shard of another division of the groups.

The index of an event depends on the division, but its first row in the window does not. So the events of a
plan are found in the checkpoints of earlier shards by this row and the start of their tokens. These
checkpoints are not changed.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from loader.checkpoint.doubt import SKIPPED
from loader.checkpoint.progress import WindowProgress, read_held_groups, read_progress
from loader.checkpoint.queries import left_in_doubt
from loader.checkpoint.reading import open_for_reading
from loader.errors import CheckpointMismatch
from loader.model import Event, EventResult, EventState, PartResult, PartState, SlicePlan
from loader.model.event_places import token_starts, unpack_places
from loader.shards.parts import PartCheckpoint

ROW = """
SELECT code, message, attempts, first_attempt_at, last_attempt_at FROM events
WHERE window = ? AND event_index = ?"""

_ODD = "SELECT event_id FROM odd_receipts WHERE window = ? AND event_index = ?"

_PLACES = "SELECT places FROM slices WHERE window = ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The results of earlier shards for the events of a slice, by the index of the events in this plan.

    Attributes:
        settled: Results of accepted and of failed events.
        in_doubt: Epoch seconds of the first attempt of events that may have been accepted.
        parts: Results of the parts of divided events.
    """

    settled: dict[int, EventResult] = field(default_factory=dict)
    in_doubt: dict[int, float] = field(default_factory=dict)
    parts: dict[int, Sequence[PartResult]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Window:
    """A window in an earlier checkpoint.

    Attributes:
        places: Index and start of the token of each event, by the position of its first row.
        progress: The progress of its events.
        in_doubt: Epoch seconds since when events are in doubt, by index.
    """

    places: Mapping[int, tuple[int, int]]
    progress: WindowProgress
    in_doubt: Mapping[int, float]


class _Checkpoint:
    """A checkpoint of an earlier shard."""

    def __init__(self, part: PartCheckpoint, connection: sqlite3.Connection, *, retry_failed: bool) -> None:
        self.part = part
        self._connection = connection
        self._retry_failed = retry_failed
        doubts: defaultdict[int, dict[int, float]] = defaultdict(dict)
        for window, index, since in left_in_doubt(connection):
            doubts[window][index] = since
        self._left_in_doubt = doubts
        self.window = lru_cache(maxsize=1)(self._window)

    def held_groups(self) -> frozenset[str]:
        return read_held_groups(self._connection)

    def _window(self, number: int) -> _Window | None:
        progress = read_progress(self._connection, number, retry_failed=self._retry_failed)
        if progress is None:
            return None
        stored = [bytes(places) for (places,) in self._connection.execute(_PLACES, (number,))]
        in_doubt = dict(progress.in_doubt)
        for index, since in self._left_in_doubt.get(number, {}).items():
            in_doubt[index] = min(since, in_doubt.get(index, since))
        return _Window(unpack_places(stored), progress, in_doubt)

    def accepted(self, window: _Window, index: int, event: Event) -> EventResult:
        found = self._connection.execute(_ODD, (event.window, index)).fetchone()
        event_id = found[0] if found else window.progress.accepted.event_id(index)
        return EventResult(event, EventState.ACCEPTED, event_id)

    def failed(self, window: _Window, index: int, event: Event) -> EventResult:
        code, message, attempts, first, last = self._connection.execute(ROW, (event.window, index)).fetchone()
        parts = window.progress.parts.get(index, ())
        refused = [
            position
            for each in parts
            if each.state is PartState.FAILED
            for position in range(each.part.first, each.part.first + each.part.count)
        ]
        return EventResult(
            event,
            EventState.FAILED,
            None,
            code,
            message,
            attempts,
            first,
            last,
            in_parts=bool(refused),
            left_out=sorted(refused) if refused and code != SKIPPED else None,
        )


class EarlierShards:
    """The checkpoints of earlier shards, open for reading during a ``with`` block.

    Args:
        parts: The checkpoints, of the same plan and generation as the load.
        retry_failed: Whether this run sends failed events again.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """

    def __init__(self, parts: Sequence[PartCheckpoint], *, retry_failed: bool) -> None:
        with ExitStack() as held:
            self._checkpoints = [
                _Checkpoint(
                    part,
                    held.enter_context(open_for_reading(part.run_dir, alive=False)),
                    retry_failed=retry_failed,
                )
                for part in parts
            ]
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def held_groups(self) -> frozenset[str]:
        """Return the groups with a failed event."""
        return frozenset[str]().union(*(each.held_groups() for each in self._checkpoints))

    def of_slice(self, plan: SlicePlan) -> TakenOver:
        """Return the results for the events of a slice.

        Raises:
            CheckpointMismatch: An earlier shard planned another event for the same rows.
        """
        taken = TakenOver()
        for checkpoint in self._checkpoints:
            window = checkpoint.window(plan.window)
            if window is not None:
                for index, event in _found(plan, window, checkpoint.part):
                    _take(taken, checkpoint, window, index, event)
        return taken


def _found(plan: SlicePlan, window: _Window, part: PartCheckpoint) -> Iterator[tuple[int, Event]]:
    """Yield the events of a slice that a window of an earlier checkpoint has, each with its index there."""
    starts = token_starts([event.token for event in plan.events])
    for event, place, start in zip(plan.events, plan.places, starts, strict=True):
        known = window.places.get(place)
        if known is None:
            continue
        if known[1] != start:
            raise CheckpointMismatch(
                f"Window {plan.window} does not give the events that shard {part.shard} planned.",
                where=str(part.run_dir),
                why="an event of the same rows has other content",
                next_step="use the version of the loader and the files with which the load began, or start "
                "over with --restart",
            )
        yield known[0], event


def _take(taken: TakenOver, checkpoint: _Checkpoint, window: _Window, index: int, event: Event) -> None:
    """Add the result of one checkpoint for an event. A receipt in any checkpoint counts."""
    progress, now = window.progress, event.index
    known = taken.settled.get(now)
    if known is not None and known.state is EventState.ACCEPTED:
        return
    if index in progress.accepted:
        taken.settled[now] = checkpoint.accepted(window, index, event)
    elif not progress.to_send(index):
        taken.settled[now] = checkpoint.failed(window, index, event)
    elif index in window.in_doubt:
        taken.in_doubt[now] = min(window.in_doubt[index], taken.in_doubt.get(now, window.in_doubt[index]))
    if index in progress.parts:
        taken.parts[now] = progress.parts[index]
