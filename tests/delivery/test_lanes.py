"""The lanes against a model that is only lists: order, one in flight, turns, and memory."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loader.delivery.entry import Entry
from loader.delivery.lane import LaneState
from loader.delivery.lanes import Lanes
from tests.delivery.fake_service import event

GROUPS = st.sampled_from("abcd")


class LanesAgainstModel(RuleBasedStateMachine):
    """Random operations on the lanes, and the same on plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes()
        self.queues: dict[str, list[Entry]] = {}
        self.turns: deque[str] = deque()
        self.in_flight: list[Entry] = []
        self.waiting: dict[str, float] = {}
        self.held: set[str] = set()
        self.now = 0.0
        self.added = 0

    @rule(group=GROUPS)
    def add(self, group: str) -> None:
        """An event joins the end of its group, unless the group is on hold."""
        entry = Entry(event(self.added, group))
        self.added += 1
        assert self.lanes.add(entry) is (group not in self.held)
        if group in self.held:
            return
        if group not in self.queues:
            self.queues[group] = []
            self.turns.append(group)
        self.queues[group].append(entry)

    @rule()
    def take(self) -> None:
        """The earliest due retry goes first, then the lane that was ready first."""
        due = sorted((at, group) for group, at in self.waiting.items() if at <= self.now)
        taken = self.lanes.take(self.now)
        if due:
            assert taken is not None
            assert self.waiting.pop(taken.event.group) == due[0][0]
        elif self.turns:
            assert taken is self.queues[self.turns.popleft()][0]
        else:
            assert taken is None
            return
        assert taken is self.queues[taken.event.group][0]
        self.in_flight.append(taken)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """A settled event makes room for the next of its group."""
        entry = self.land(data)
        self.lanes.release(entry)
        assert entry.next is None
        queue = self.queues[entry.event.group]
        queue.pop(0)
        if queue:
            self.turns.append(entry.event.group)
        else:
            del self.queues[entry.event.group]

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), delay=st.floats(0, 5))
    def retry(self, data: st.DataObject, delay: float) -> None:
        """A retried event stays at the head of its lane until it is due."""
        entry = self.land(data)
        self.lanes.retry(entry, self.now + delay)
        self.waiting[entry.event.group] = self.now + delay

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        """A group on hold gives back all its later events, in order."""
        entry = self.land(data)
        assert self.lanes.hold(entry) == self.queues.pop(entry.event.group)[1:]
        assert entry.next is None
        self.held.add(entry.event.group)

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @invariant()
    def agrees(self) -> None:
        """The counts, the states and the remaining events are those of the lists."""
        held = [entry for queue in self.queues.values() for entry in queue]
        assert len(self.lanes) == len(held)
        assert self.lanes.in_flight == len(self.in_flight)
        assert self.lanes.waiting == len(self.waiting)
        assert self.lanes.behind == len(held) - len(self.queues)
        assert self.lanes.next_due == (min(self.waiting.values()) if self.waiting else None)
        assert sorted(map(id, self.lanes.remaining())) == sorted(map(id, held))
        may_go = bool(self.turns) or any(due <= self.now for due in self.waiting.values())
        assert self.lanes.has_next(self.now) is may_go
        for group in "abcd":
            assert self.lanes.state(group) is self.state(group)

    def land(self, data: st.DataObject) -> Entry:
        entry = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(entry)
        return entry

    def state(self, group: str) -> LaneState:
        if group in self.held:
            return LaneState.HELD
        if group not in self.queues:
            return LaneState.IDLE
        if group in self.waiting:
            return LaneState.WAITING
        flying = any(entry.event.group == group for entry in self.in_flight)
        return LaneState.IN_FLIGHT if flying else LaneState.READY


TestLanesAgainstModel = LanesAgainstModel.TestCase
TestLanesAgainstModel.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def settle_by(name: str, lanes: Lanes, entry: Entry) -> None:
    if name == "release":
        lanes.release(entry)
    elif name == "retry":
        lanes.retry(entry, 0.0)
    else:
        lanes.hold(entry)


@pytest.mark.parametrize("name", ["release", "retry", "hold"])
@pytest.mark.parametrize("state", [LaneState.IDLE, LaneState.READY, LaneState.WAITING, LaneState.HELD])
def test_only_an_event_in_flight_can_be_settled(name: str, state: LaneState) -> None:
    """Settling an event whose lane is in any other state is refused as a bug."""
    lanes, entry = Lanes(), Entry(event(0))
    if state is not LaneState.IDLE:
        lanes.add(entry)
    if state in (LaneState.WAITING, LaneState.HELD):
        lanes.take(0.0)
        settle_by("retry" if state is LaneState.WAITING else "hold", lanes, entry)
    assert lanes.state("g") is state
    with pytest.raises(RuntimeError, match="not in flight"):
        settle_by(name, lanes, entry)


def test_a_later_event_cannot_be_settled_for_an_earlier_one() -> None:
    """While the first event of a group is in flight the second cannot be released."""
    lanes, first, second = Lanes(), Entry(event(0)), Entry(event(1))
    lanes.add(first)
    lanes.add(second)
    lanes.take(0.0)
    with pytest.raises(RuntimeError, match="not in flight"):
        lanes.release(second)


def test_groups_held_by_an_earlier_run_take_no_events() -> None:
    """A group put on hold before the load was resumed is still on hold."""
    lanes = Lanes(held=["g"])
    assert not lanes.add(Entry(event(0, "g")))
    assert lanes.add(Entry(event(1, "h")))
    assert len(lanes) == 1


def test_millions_of_groups_leave_nothing_behind() -> None:
    """In row mode each event has its own group: a settled group takes no memory."""
    lanes = Lanes()
    for index in range(20_000):
        lanes.add(Entry(event(index, f"group-{index}")))
        if index % 3 == 0:
            entry = lanes.take(0.0)
            assert entry is not None
            lanes.release(entry)
    while (entry := lanes.take(0.0)) is not None:
        lanes.release(entry)
    assert len(lanes) == 0
    assert not lanes._lanes
    assert not lanes._ready
    assert not lanes._waiting
    assert not lanes._held


def test_the_parts_of_an_event_share_its_mark_and_precede_later_events() -> None:
    """No further mark is needed for parts, and the marked event behind them stays behind them."""
    lanes = Lanes(marks=True)
    first, second = Entry(event(0)), Entry(event(1))
    lanes.add(first)
    lanes.add(second)
    lanes.marked(lanes.to_mark(10, 10))
    assert lanes.take(0.0) is first
    halves = [Entry(first.event), Entry(first.event)]
    lanes.divide(first, halves, 0.0)
    assert not lanes.has_unmarked()
    assert list(lanes.remaining()) == [*halves, second]
    for entry in (*halves, second):
        assert lanes.take(0.0) is entry
        lanes.release(entry)
    assert (len(lanes), lanes.unsent, lanes.ahead) == (0, 0, 0)


def test_a_mark_for_a_group_that_was_put_on_hold_meanwhile_is_no_error() -> None:
    """The mark of a later event is being written while the event before it fails."""
    lanes = Lanes(marks=True)
    first, second = Entry(event(0)), Entry(event(1))
    lanes.add(first)
    lanes.marked(lanes.to_mark(1, 0))
    lanes.add(second)
    assert lanes.take(0.0) is first
    marking = lanes.to_mark(10, 10)
    assert marking == [second]
    assert lanes.hold(first) == [second]
    lanes.marked(marking)
    assert (len(lanes), lanes.unsent, lanes.ahead) == (0, 0, 0)
