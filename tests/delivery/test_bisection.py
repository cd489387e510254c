"""Events that are refused for some of their records: what is sent, in which order, and what comes of it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.delivery.entry import Entry
from loader.delivery.outcomes.bisection import HOPELESS_REFUSALS, Bisection
from loader.delivery.settings import DeliverySettings
from loader.errors import CheckpointWriteError
from loader.job import OnFailure
from loader.json_quoting import quote
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, PartResult, PartState
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import WALL_OFFSET, Call, Delivery, FakeService
from tests.delivery.virtual_time import run

HOLD = DeliverySettings(on_failure=OnFailure.HOLD)


def packed(index: int, numbers: Sequence[int], group: str = "g") -> Event:
    """Return an event of records ``{"n": number}``; the numbers are its rows as well."""
    records = [b'{"n":%d}' % number for number in numbers]
    data = b"[" + b",".join(records) + b"]" if len(records) > 1 else records[0]
    return Event(0, index, 0, tuple(numbers), group, f"{index:064}", None, quote(data))


def numbers_of(event: Event) -> list[int]:
    document = orjson.loads(event.data)
    return [record["n"] for record in (document if isinstance(document, list) else [document])]


@dataclass
class Log:
    """Keeps what is written down of parts; ``fails_at`` is the division that cannot be."""

    results: list[tuple[int, PartResult]] = field(default_factory=list)
    seconds: float = 0.0
    fails_at: int = -1

    def settled(self, event: Event, result: PartResult) -> None:
        self.results.append((event.index, result))

    async def divided(self, event: Event, result: PartResult) -> None:
        await asyncio.sleep(self.seconds)
        if self.fails_at == sum(each.state is PartState.DIVIDED for _, each in self.results):
            raise CheckpointWriteError("The disk is full.")
        self.results.append((event.index, result))

    def known(self, index: int, *, retry_failed: bool = False) -> list[PartResult]:
        """Return the known parts of an event for the next run."""
        return [
            result
            for number, result in self.results
            if number == index and not (retry_failed and result.state is PartState.FAILED)
        ]


@dataclass
class Judging:
    """Refuses events with bad records, after the faults that each event meets first."""

    bad: Iterable[int]
    faults: dict[int, list[Outcome]] = field(default_factory=dict)

    def __call__(self, call: Call) -> Outcome:
        numbers = numbers_of(call.event)
        left = self.faults.get(numbers[0], [])
        if left:
            return left.pop(0)
        return answers.accepted() if set(numbers).isdisjoint(self.bad) else answers.rejected()


def delivery_of(plan: Judging, log: Log | None = None, **options: object) -> Delivery:
    return Delivery(FakeService(plan), part_log=log or Log(), **options)  # type: ignore[arg-type]


def sent(delivery: Delivery) -> list[list[int]]:
    return [numbers_of(call.event) for call in delivery.service.calls]


def only(delivery: Delivery) -> EventResult:
    (result,) = delivery.results
    return result


def test_one_bad_record_costs_one_record() -> None:
    """Halves are sent in row order until the bad record stands alone; all others are accepted."""
    delivery = delivery_of(Judging({5}))
    run(delivery.deliver([packed(0, range(8)), packed(1, [8, 9])]))
    assert sent(delivery) == [
        list(range(8)), [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7], [8, 9],
    ]  # fmt: skip
    first, second = delivery.results
    assert (first.state, first.code, first.message) == (
        EventState.FAILED,
        "ValidationException",
        "bad record",
    )
    assert (list(first.rows), first.in_parts, first.attempts) == ([5], True, 7)
    assert (second.state, second.in_parts) == (EventState.ACCEPTED, False)
    assert delivery.service.complaints == []
    stats = delivery.dispatcher.stats
    assert (stats.attempts, stats.retried, stats.failed, stats.accepted) == (8, 0, 1, 1)
    assert (stats.held_bytes, stats.in_flight) == (0, 0)


def test_each_part_is_written_down() -> None:
    """Divisions before their halves are sent; receipts and refusals with the part's own token."""
    log = Log(seconds=3.0)
    delivery = delivery_of(Judging({1}), log)
    run(delivery.deliver([packed(0, range(3))]))
    told = [
        (each.part.first, each.part.count, each.state, each.event_id, each.code) for _, each in log.results
    ]
    refused = (None, "ValidationException")
    assert told == [
        (0, 3, PartState.DIVIDED, *refused),
        (0, 1, PartState.ACCEPTED, "receipt", ""),
        (1, 2, PartState.DIVIDED, *refused),
        (1, 1, PartState.FAILED, *refused),
        (2, 1, PartState.ACCEPTED, "receipt", ""),
    ]
    assert [each.token for _, each in log.results] == [call.event.token for call in delivery.service.calls]
    calls = delivery.service.calls
    assert calls[1].at - calls[0].at >= 3.0


def test_an_event_that_is_only_too_large_is_accepted_in_parts() -> None:
    """If all parts are accepted the event is, with the receipt of its last part."""
    too_large = Outcome(OutcomeKind.REJECTED, "RequestEntityTooLargeException", status=413)
    delivery = delivery_of(Judging((), {0: [too_large]}))
    run(delivery.deliver([packed(0, range(4))]))
    assert (only(delivery).state, only(delivery).event_id) == (EventState.ACCEPTED, "receipt")
    assert only(delivery).left_out is None
    assert sent(delivery) == [[0, 1, 2, 3], [0, 1], [2, 3]]


@pytest.mark.parametrize(
    "doubt", [answers.lost(), replace(answers.unavailable(), may_have_been_accepted=True)]
)
def test_an_event_that_may_have_been_accepted_is_not_divided(doubt: Outcome) -> None:
    """After a timeout or a 5xx the refusal of the whole is the last word on all its records."""
    delivery = delivery_of(Judging((), {0: [doubt, answers.rejected()]}))
    run(delivery.deliver([packed(0, range(4))]))
    assert sent(delivery) == [[0, 1, 2, 3]] * 2
    assert (only(delivery).state, list(only(delivery).rows)) == (EventState.FAILED, [0, 1, 2, 3])


def test_a_part_that_may_have_been_accepted_is_not_divided() -> None:
    """The same holds for a part: its records fail together, the other parts are accepted."""
    delivery = delivery_of(Judging({6}, {4: [answers.lost(), answers.rejected()]}))
    run(delivery.deliver([packed(0, range(8))]))
    assert sent(delivery) == [list(range(8)), [0, 1, 2, 3], [4, 5, 6, 7], [4, 5, 6, 7]]
    assert list(only(delivery).rows) == [4, 5, 6, 7]


@pytest.mark.parametrize(
    "refusal",
    [
        Outcome(OutcomeKind.REJECTED, "ConflictException", status=409),
        Outcome(OutcomeKind.REJECTED, "SerializationException", status=400),
    ],
)
def test_only_the_refusal_of_the_content_divides_an_event(refusal: Outcome) -> None:
    """A token conflict or an unreadable request contains no information about the records."""
    delivery = delivery_of(Judging((), {0: [refusal]}))
    run(delivery.deliver([packed(0, range(4))]))
    assert sent(delivery) == [[0, 1, 2, 3]]
    assert only(delivery).state is EventState.FAILED


def test_without_a_log_nothing_is_divided() -> None:
    """What cannot be written down is not begun."""
    delivery = Delivery(FakeService(Judging({0})))
    run(delivery.deliver([packed(0, range(4))]))
    assert sent(delivery) == [[0, 1, 2, 3]]


def test_a_poisoned_event_is_given_up() -> None:
    """Where nothing but refusals comes, what is left is sent in the parts there are, and not divided."""
    count = 1700
    delivery = delivery_of(Judging(range(count)))
    run(delivery.deliver([packed(0, range(count))]))
    assert list(only(delivery).rows) == list(range(count))
    assert len(delivery.service.calls) < 4 * HOPELESS_REFUSALS
    good_end = delivery_of(Judging(range(100)))
    run(good_end.deliver([packed(0, range(count))]))
    accepted = {number for event in good_end.service.taken.values() for number in numbers_of(event)}
    assert accepted >= set(range(850, count))  # a part that is accepted is found all the same


def test_a_record_that_was_accepted_keeps_the_search_going() -> None:
    """Then the event as a whole is not wrong: each bad record is found, however many there are."""
    count = 4 * HOPELESS_REFUSALS
    good = {0, count - 1}
    delivery = delivery_of(Judging(set(range(count)) - good))
    run(delivery.deliver([packed(0, range(count))]))
    assert {number for event in delivery.service.taken.values() for number in numbers_of(event)} == good
    assert set(only(delivery).rows) == set(range(count)) - good


def test_a_bad_record_holds_its_group_back() -> None:
    """With on_failure hold nothing after it is sent, of its own event as of later ones."""
    delivery = delivery_of(Judging({2}), settings=HOLD)
    run(delivery.deliver([packed(0, range(4)), packed(1, [4]), packed(2, [9], "other")]))
    assert sent(delivery)[:1] == [[0, 1, 2, 3]]
    assert [3] not in sent(delivery)
    assert [4] not in sent(delivery)
    assert delivery.states() == {0: EventState.FAILED, 1: EventState.UNPROCESSED, 2: EventState.ACCEPTED}
    failed = next(result for result in delivery.results if result.event.index == 0)
    assert list(failed.rows) == [2, 3]
    assert delivery.dispatcher.stats.held_bytes == 0


def test_a_division_that_cannot_be_written_down_stops_the_load() -> None:
    """No half is sent, and the event is not settled: the next run begins with it."""
    delivery = delivery_of(Judging({2}), Log(fails_at=1))
    with pytest.raises(CheckpointWriteError):
        run(delivery.deliver([packed(0, range(4))]))
    assert sent(delivery) == [[0, 1, 2, 3], [0, 1], [2, 3]]
    assert delivery.results == []


def test_a_stop_in_the_middle_leaves_what_was_not_sent() -> None:
    """A part whose answer did not come makes the event doubtful, since that part was sent."""
    service = FakeService(Judging({7}), latency_seconds=10.0)
    delivery = Delivery(service, DeliverySettings(drain_seconds=1.0), part_log=Log())

    async def stopped() -> None:
        asyncio.get_running_loop().call_later(35.0, lambda: delivery.dispatcher.stop("stopped"))
        await delivery.deliver([packed(0, range(8))])

    run(stopped())
    assert sent(delivery) == [list(range(8)), [0, 1, 2, 3], [4, 5, 6, 7], [4, 5]]
    assert (only(delivery).state, only(delivery).code) == (EventState.IN_DOUBT, "Interrupted")
    assert only(delivery).first_attempt_at == WALL_OFFSET + service.calls[-1].at
    assert list(only(delivery).rows) == [4, 5, 6, 7]


def test_a_run_goes_on_where_another_stopped() -> None:
    """Parts with an outcome are not sent again; the others are sent with their tokens, in order."""
    log = Log()
    first = delivery_of(Judging({5}), log)

    async def stopped() -> None:
        asyncio.get_running_loop().call_later(0.025, lambda: first.dispatcher.stop("stopped"))
        await first.deliver([packed(0, range(8))])

    run(stopped())
    assert first.results == []
    second = delivery_of(Judging({5}), log)
    run(go_on(second, packed(0, range(8)), log.known(0)))
    assert sent(second) == [[4, 5], [4], [5], [6, 7]]
    assert list(only(second).rows) == [5]
    again = delivery_of(Judging(()), log)
    run(go_on(again, packed(0, range(8)), log.known(0, retry_failed=True)))
    assert sent(again) == [[5]]
    assert (only(again).state, only(again).left_out) == (EventState.ACCEPTED, None)


def test_a_run_that_died_after_the_last_part_is_concluded() -> None:
    """Nothing is sent if all parts have an outcome and only the event's own result is missing."""
    log = Log()
    run(delivery_of(Judging({0}), log).deliver([packed(0, range(2))]))
    second = delivery_of(Judging(()), settings=HOLD)
    run(go_on(second, packed(0, range(2)), log.known(0), packed(1, [2])))
    assert sent(second) == []
    assert second.states() == {0: EventState.FAILED, 1: EventState.UNPROCESSED}
    assert second.dispatcher.stats.held_bytes == 0


@pytest.mark.parametrize(("may_repeat", "rows"), [(True, [1]), (False, [0, 1])])
def test_doubt_of_a_run_that_died(may_repeat: bool, rows: list[int]) -> None:  # noqa: FBT001 - a parameter
    """Most of it was never sent; it is divided only if sending a record twice would do no harm."""
    delivery = delivery_of(Judging({1}), settings=DeliverySettings(may_repeat=may_repeat))

    async def deliver() -> None:
        dispatcher = delivery.open()
        await dispatcher.offer(packed(0, [0, 1]), first_attempt_at=WALL_OFFSET, may_have_been_accepted=True)
        dispatcher.close_intake()
        await dispatcher.run()

    run(deliver())
    assert list(only(delivery).rows) == rows


async def go_on(delivery: Delivery, event: Event, known: Sequence[PartResult], *later: Event) -> None:
    """Deliver an event of which parts are known, and others behind it."""
    dispatcher = delivery.open()
    await dispatcher.offer(event, known_parts=known)
    for each in later:
        await dispatcher.offer(each)
    dispatcher.close_intake()
    await dispatcher.run()


def test_an_event_that_does_not_hold_its_rows_is_a_bug() -> None:
    """Parts are cut only where each record stands for one row."""
    event = packed(0, range(3))
    event.rows = (0, 1)
    with pytest.raises(ValueError, match="as many records"):
        Bisection(Entry(event).event)


FAULTS = st.sampled_from([answers.throttled(), answers.unavailable(), answers.lost(), answers.unknown()])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    bad=st.frozensets(st.integers(0, 40), max_size=12),
    faults=st.dictionaries(st.integers(0, 40), st.lists(FAULTS, max_size=3), max_size=10),
    groups=st.integers(1, 3),
    stop_after=st.none() | st.floats(0, 3),
    hold=st.booleans(),
)
def test_laws_of_bisection(  # noqa: PLR0917 - what is drawn
    sizes: list[int],
    bad: frozenset[int],
    faults: dict[int, list[Outcome]],
    groups: int,
    stop_after: float | None,
    hold: bool,  # noqa: FBT001 - a parameter
) -> None:
    """For any bad records, faults and a stop: no good record twice, in order, and the books agree."""
    starts = [sum(sizes[:position]) for position in range(len(sizes))]
    events = [
        packed(index, range(start, start + size), f"g{index % groups}")
        for index, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]
    had_faults = {first for first, plan in faults.items() if plan}
    log = Log(seconds=0.005)
    delivery = delivery_of(
        Judging(bad, {first: list(plan) for first, plan in faults.items()}),
        log,
        settings=HOLD if hold else DeliverySettings(),
    )

    async def play() -> None:
        if stop_after is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(stop_after, lambda: delivery.dispatcher.stop("stopped"))
        await delivery.deliver(events)

    run(play())
    assert delivery.service.complaints == []
    taken = [numbers_of(event) for event in delivery.service.taken.values()]
    # A fault plan may claim that an answer was lost where the service would not have accepted.
    held = [number for numbers in taken for number in numbers if number not in bad]
    assert len(held) == len(set(held))
    for group in range(groups):
        mine = [number for event in events if event.group == f"g{group}" for number in event.rows]
        in_order = [number for number in held if number in mine]
        assert in_order == sorted(in_order)
    results = {result.event.index: result for result in delivery.results}
    assert len(results) == len(delivery.results)
    for event in events:
        result = results.get(event.index)
        if result is None:
            assert stop_after is not None
            continue
        left_out = set(result.rows) if result.state is not EventState.ACCEPTED else set()
        assert set(event.rows) - left_out <= set(held)
        if result.state is EventState.ACCEPTED:
            assert bad.isdisjoint(event.rows)
        elif result.state is EventState.FAILED and not hold and not had_faults & set(event.rows):
            assert left_out == bad & set(event.rows)
    if stop_after is None:
        assert delivery.dispatcher.stats.held_bytes == 0
        assert set(results) == set(range(len(events)))


def test_a_part_result_that_cannot_be_recorded_stops_the_load() -> None:
    """A part was accepted, and the disk refuses the record of it."""

    class FullDisk(Log):
        def settled(self, event: Event, result: PartResult) -> None:
            super().settled(event, result)
            raise CheckpointWriteError("The disk is full.")

    delivery = delivery_of(Judging({2}), FullDisk())
    with pytest.raises(CheckpointWriteError):
        run(delivery.deliver([packed(0, range(4))]))
    assert sent(delivery) == [[0, 1, 2, 3], [0, 1]]


def test_a_part_in_doubt_is_not_logged_and_leaves_its_event_in_doubt() -> None:
    """The next run must send this part again, so nothing is recorded of it."""
    bisection = Bisection(packed(0, range(2)))
    first, second = bisection.divide(Entry(bisection.event))
    assert bisection.settle(first, first.result(EventState.IN_DOUBT, code="TokenTooOld")) is None
    assert bisection.is_in_doubt
    settled = bisection.settle(second, second.result(EventState.FAILED, code="Bad"))
    assert settled is not None
    assert settled.state is PartState.FAILED
    assert bisection.is_over
    assert bisection.result().state is EventState.IN_DOUBT
