"""The write-ahead follows sending closely, costs no throughput, and is renewed while events wait."""

from collections.abc import Callable

import pytest

from loader.delivery.marking import MARKED_AHEAD, RENEWAL_SECONDS
from loader.delivery.settings import DeliverySettings
from loader.errors import CheckpointWriteError
from loader.model import EventState, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Call, Delivery, FakeService, MarkDiary, event, script
from tests.delivery.virtual_time import run

DISK_SECONDS = 0.01
EVENTS = 4_000

SPREADS: dict[str, Callable[[int], int]] = {
    "a group for each event": lambda index: index,
    "a few groups": lambda index: index % 7,
    "one large group first, then small ones": lambda index: 0 if index < EVENTS // 2 else index,
    "one group": lambda _: 0,
}


def marked_delivery(
    latency_seconds: float, *, jitter: float = 0.5, rate: float | None = None
) -> tuple[Delivery, MarkDiary]:
    """Return a delivery before a disk that takes ``DISK_SECONDS`` for a mark, and the diary of marks."""
    diary = MarkDiary(DISK_SECONDS)
    service = FakeService(latency_seconds=latency_seconds, diary=diary)
    return Delivery(service, DeliverySettings(rate=rate), jitter=jitter, write_ahead=diary), diary


@pytest.mark.parametrize("group_of", SPREADS.values(), ids=SPREADS.keys())
def test_a_bounded_number_is_marked_beyond_what_was_sent(group_of: Callable[[int], int]) -> None:
    """However the events are spread over lanes, and although all of them are at hand."""
    delivery, diary = marked_delivery(0.02)
    events = [event(index, f"g{group_of(index)}") for index in range(EVENTS)]
    run(delivery.deliver(events))
    assert delivery.service.complaints == []
    assert len(delivery.results) == EVENTS
    assert 0 < diary.most_unsent <= MARKED_AHEAD
    assert diary.marks <= EVENTS / 7


@pytest.mark.parametrize("group_of", SPREADS.values(), ids=SPREADS.keys())
def test_delivery_does_not_wait_for_the_disk(group_of: Callable[[int], int]) -> None:
    """With marks it takes hardly longer than without."""
    seconds = []
    for write_ahead in (False, True):
        delivery, diary = marked_delivery(0.02)
        if not write_ahead:
            delivery.write_ahead = delivery.service.diary = None
        events = [event(index, f"g{group_of(index)}") for index in range(EVENTS)]
        run(delivery.deliver(events))
        calls = delivery.service.calls
        seconds.append(calls[-1].at - calls[0].at)
        assert write_ahead == bool(diary.marks)
    assert seconds[1] <= 1.05 * seconds[0] + 10 * DISK_SECONDS


def test_lanes_that_are_held_up_do_not_stop_the_others() -> None:
    """Two groups with many events get no answer for minutes; a third one goes on at its own pace."""

    def plan(call: Call) -> Outcome:
        return answers.unavailable() if call.event.group != "g2" and call.at < 1300 else answers.accepted()

    delivery, _ = marked_delivery(0.01, jitter=0.99)
    delivery.service.plan = plan
    run(delivery.deliver([event(index, f"g{index % 3}") for index in range(3 * 700)]))
    in_time = [call for call in delivery.service.calls if call.event.group == "g2" and call.at < 1030]
    assert len(in_time) == 700


def test_a_mark_is_renewed_while_its_event_waits() -> None:
    """At one event in 40 s an event waits for hours; its mark is a minute old when it goes."""
    delivery, diary = marked_delivery(0.0, rate=1 / 40)
    ages: list[float] = []

    def plan(call: Call) -> Outcome:
        ages.append(call.at - diary.marked_at[call.event.window, call.event.index])
        return answers.accepted()

    delivery.service.plan = plan
    run(delivery.deliver([event(index) for index in range(300)]))
    assert max(ages) <= RENEWAL_SECONDS + 1


def test_an_event_that_may_be_accepted_is_never_marked_again() -> None:
    """Its doubt is as old as its first attempt, however long it is sent again without an answer."""
    delivery, diary = marked_delivery(0.0)
    delivery.service.plan = script({0: [answers.lost()] * 50})
    run(delivery.deliver([event(0), event(1)]))
    assert delivery.service.calls[-1].at - delivery.service.calls[0].at > 3 * RENEWAL_SECONDS
    assert diary.marked_at[0, 0] <= delivery.service.calls[0].at


def test_an_event_refused_for_the_clock_goes_again_under_a_new_mark() -> None:
    """The time of the first one was read from a clock that was wrong."""
    delivery, diary = marked_delivery(0.5)
    delivery.service.plan = script({0: [answers.skewed()]})
    run(delivery.deliver([event(0)]))
    first, second = delivery.service.calls
    assert first.at < diary.marked_at[0, 0] < second.at
    assert delivery.states() == {0: EventState.ACCEPTED}


def test_nothing_is_sent_once_the_disk_refuses() -> None:
    """The load stops with the disk's error; what no mark names was not sent."""
    delivery, diary = marked_delivery(0.01)
    diary.error = CheckpointWriteError("full")
    with pytest.raises(CheckpointWriteError):
        run(delivery.deliver([event(index) for index in range(10)]))
    assert delivery.service.calls == []
