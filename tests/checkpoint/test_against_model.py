"""The checkpoint against a model that is only dictionaries: random work, crashes and polite ends."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from loader.checkpoint import Checkpoint, RunEnd, open_checkpoint
from loader.model import EventState
from tests.checkpoint.sample_loads import (
    Clock,
    accepted,
    ended_complete,
    event_id,
    held_back,
    load_plan,
    put_aside,
    receipts_of,
    window_plan,
)

MEMORY = Path("/dev/shm")  # where it exists, flushing costs nothing: the disk itself is tested elsewhere
FAILED, IN_DOUBT, UNPROCESSED = EventState.FAILED, EventState.IN_DOUBT, EventState.UNPROCESSED


@dataclass
class ModelEvent:
    """One event: where it stands, since when it is in doubt, and what this run did with it."""

    state: EventState | None = None
    since: float | None = None
    skipped: bool = False
    marked_at: float | None = None
    answered: bool = False

    def to_send(self, *, retry_failed: bool) -> bool:
        if self.state is EventState.ACCEPTED or self.skipped:
            return False
        return retry_failed or self.state is not FAILED

    def end_run(self, *, crashed: bool, retry_failed: bool) -> None:
        """Apply the rule of doubt, then forget the run."""
        left = self.marked_at is not None and not self.answered and self.to_send(retry_failed=retry_failed)
        if crashed and left:
            assert self.marked_at is not None
            self.since = (
                min(self.since or self.marked_at, self.marked_at)
                if self.state is IN_DOUBT
                else self.marked_at
            )
            self.state = IN_DOUBT
        self.marked_at = None
        self.answered = False


@dataclass
class Model:
    """The load as it should be on the disk."""

    windows: dict[int, list[ModelEvent]] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    retry_failed: bool = False

    def end_run(self, *, crashed: bool) -> None:
        for events in self.windows.values():
            for event in events:
                event.end_run(crashed=crashed, retry_failed=self.retry_failed)
        self.begun = set()


class CheckpointAgainstModel(RuleBasedStateMachine):
    """Random operations on a checkpoint, and the same on the model; compared after each."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.model = Model()
        self.runs = 0
        self.checkpoint = self.open(self.folder / "run 0")

    def teardown(self) -> None:
        self.checkpoint.close()
        self.runner.close()
        shutil.rmtree(self.folder)

    def open(self, run_dir: Path) -> Checkpoint:
        return open_checkpoint(run_dir, load_plan(), retry_failed=self.model.retry_failed, clock=self.clock)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)
        self.clock.now += 1

    @rule(events=st.integers(0, 9))
    def begin_new_window(self, events: int) -> None:
        """A window is planned for the first time."""
        number = len(self.model.windows)
        self.checkpoint.begin_slice(window_plan(number, events))
        self.model.windows[number] = [ModelEvent() for _ in range(events)]
        self.model.begun.add(number)

    @precondition(lambda self: self.model.windows)
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        """A window of this or an earlier run is planned, and some of its events may be sent."""
        number = data.draw(st.sampled_from(sorted(self.model.windows)))
        events = self.model.windows[number]
        if not events:
            return
        if number not in self.model.begun:
            self.checkpoint.begin_slice(window_plan(number, len(events)))
            self.model.begun.add(number)
        # An event that may have been accepted goes out again without a mark: it is in doubt already.
        markable = [
            at for at, event in enumerate(events) if event.state is not IN_DOUBT and not event.skipped
        ]
        if not markable:
            return
        indexes = data.draw(st.lists(st.sampled_from(markable), min_size=1, unique=True))
        for index in indexes:
            events[index].marked_at = self.clock.now
        self.run(self.checkpoint.mark_sendable([(number, index) for index in indexes]))

    @precondition(lambda self: self.sendable())
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """Give an outcome to some of the events that may be sent."""
        for number, index in data.draw(st.lists(st.sampled_from(self.sendable()), min_size=1, unique=True)):
            event = self.model.windows[number][index]
            state = data.draw(st.sampled_from(EventState))
            event.answered = True
            if state is EventState.ACCEPTED:
                event.state, event.since = state, None
                self.checkpoint.record(accepted(number, index))
                continue
            at = None if state is UNPROCESSED else self.clock.now
            self.checkpoint.record(put_aside(number, index, state, first_attempt_at=at))
            if state is not UNPROCESSED or event.state is None:
                if state is IN_DOUBT:
                    event.since = event.since if event.state is IN_DOUBT else at
                event.state = state

    @rule(retry_failed=st.booleans())
    def crash(self, *, retry_failed: bool) -> None:
        """The run dies with its files as they are at this moment; another one begins with them."""
        self.run(self.checkpoint.flush())
        self.runs += 1
        left = self.folder / f"run {self.runs}"
        shutil.copytree(self.checkpoint.run_dir, left)
        self.checkpoint.close()
        self.begin_run(left, crashed=True, retry_failed=retry_failed)

    @rule(retry_failed=st.booleans(), complete=st.booleans())
    def end_politely(self, *, retry_failed: bool, complete: bool) -> None:
        """The run ends in order and another one begins."""
        self.checkpoint.finish(RunEnd("end", 0, complete=complete))
        self.checkpoint.close()
        assert ended_complete(self.checkpoint.run_dir) is complete
        self.begin_run(self.checkpoint.run_dir, crashed=False, retry_failed=retry_failed)

    @rule(age=st.integers(0, 5), skip=st.booleans(), skipped_too=st.booleans())
    def decide(self, age: int, *, skip: bool, skipped_too: bool) -> None:
        """The user decides about what has been in doubt for too long."""
        before = self.clock.now - age
        work = self.checkpoint.skip_in_doubt(before) if skip else None
        for event in self.events():
            if event.state is IN_DOUBT and event.since is not None and event.since < before:
                event.skipped, event.state = skip, FAILED if skip else IN_DOUBT
                event.since = event.since if skip else self.clock.now
            elif event.skipped and skipped_too and not skip:
                event.skipped, event.state, event.since = False, IN_DOUBT, self.clock.now
        self.run(work or self.checkpoint.resend_in_doubt(before, skipped_too=skipped_too))

    @rule()
    def look(self) -> None:
        """What is durable is exactly what the model says, window by window and in sum."""
        self.run(self.checkpoint.flush())
        for number, events in self.model.windows.items():
            self.compare_window(number, events)
        states = [event.state for event in self.events()]
        totals = self.checkpoint.totals()
        assert totals.rows_read == totals.rows_filtered + totals.rows_rejected + totals.records
        assert totals.events_total == len(states)
        assert totals.events_accepted == states.count(EventState.ACCEPTED)
        assert totals.events_failed == states.count(FAILED)
        assert totals.events_in_doubt == states.count(IN_DOUBT)
        assert totals.events_unprocessed == states.count(None) + states.count(UNPROCESSED)

    def compare_window(self, number: int, events: list[ModelEvent]) -> None:
        progress = self.checkpoint.progress.of_window(number)
        assert progress is not None
        indexes = {
            state: {index for index, event in enumerate(events) if event.state is state and not event.skipped}
            for state in EventState
        }
        assert set(progress.accepted) == indexes[EventState.ACCEPTED]
        assert progress.failed == indexes[FAILED]
        assert held_back(self.checkpoint, number) == indexes[UNPROCESSED]
        assert progress.in_doubt == {index: events[index].since for index in indexes[IN_DOUBT]}
        assert progress.skipped == {index for index, event in enumerate(events) if event.skipped}
        to_send = [event.to_send(retry_failed=self.model.retry_failed) for event in events]
        assert [progress.to_send(index) for index in range(len(events))] == to_send
        assert (number in self.checkpoint.progress.settled_windows()) is not any(to_send)
        assert receipts_of(self.checkpoint, number) == {
            index: event_id(number, index) for index in indexes[EventState.ACCEPTED]
        }

    def begin_run(self, run_dir: Path, *, crashed: bool, retry_failed: bool) -> None:
        self.model.end_run(crashed=crashed)
        self.model.retry_failed = retry_failed
        self.checkpoint = self.open(run_dir)
        self.look()

    def events(self) -> list[ModelEvent]:
        return [event for events in self.model.windows.values() for event in events]

    def sendable(self) -> list[tuple[int, int]]:
        return [
            (number, index)
            for number, events in self.model.windows.items()
            for index, event in enumerate(events)
            if (event.marked_at is not None or event.state is IN_DOUBT)
            and not event.answered
            and event.to_send(retry_failed=self.model.retry_failed)
        ]


TestCheckpointAgainstModel = CheckpointAgainstModel.TestCase
TestCheckpointAgainstModel.__doc__ = (
    "Whatever a load does and however it ends, the next one finds what the model says."
)
TestCheckpointAgainstModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
