"""The dispatcher under limits: ceiling, throttling, budget, caps; what limits it, and what waiting costs."""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.delivery.limits.byte_budget import event_bytes
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import LimitingFactor
from loader.delivery.rate.governor import Governor
from loader.delivery.settings import DeliverySettings
from loader.model import Event, EventState, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Call, Delivery, FakeService, event
from tests.delivery.virtual_time import VirtualTimeLoop, now, run


def events(count: int, groups: int) -> list[Event]:
    return [event(index, f"g{index % groups}") for index in range(count)]


def most_in_a_second(calls: Iterable[Call]) -> int:
    times = [call.at for call in calls]
    return max(bisect_left(times, start + 1.0 - 1e-6) - i for i, start in enumerate(times))


@settings(deadline=None, max_examples=25)
@given(
    rate=st.floats(1, 500),
    burst=st.integers(1, 40),
    failing=st.floats(0, 0.9),
    chance=st.randoms(use_true_random=False),
)
def test_the_ceiling_holds_over_every_second(rate: float, burst: int, failing: float, chance: Random) -> None:
    """First attempts and retries together never exceed rate + burst, whatever fails."""

    def plan(_call: Call) -> Outcome:
        return answers.unavailable() if chance.random() < failing else answers.accepted()

    delivery = Delivery(FakeService(plan), DeliverySettings(rate=rate, burst=burst))
    run(delivery.deliver(events(150, 50)))
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert most_in_a_second(delivery.service.calls) <= rate + burst + 1e-6


def test_the_ceiling_is_reached() -> None:
    """With enough groups the load runs at the user's rate."""
    delivery = Delivery(FakeService(), DeliverySettings(rate=200))
    run(delivery.deliver(events(4000, 100)))
    assert 19.0 <= delivery.service.calls[-1].at - 1000 <= 20.5


class Quota:
    """A service-side token bucket: so many accepted a second, the rest throttled at once."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.level = 0.0
        self.at = 0.0

    def __call__(self, call: Call) -> Outcome:
        self.level = max(self.level - (call.at - self.at) * self.per_second, 0.0)
        self.at = call.at
        if self.level + 1 > max(self.per_second, 1.0):
            return answers.throttled()
        self.level += 1
        return answers.accepted()


def test_a_throttle_storm_loses_nothing() -> None:
    """A start at a hundred times the service's limit ends with everything accepted, in order."""
    delivery = Delivery(
        FakeService(Quota(50.0)), learned_rate=5000.0, governor_type=Governor, cap_type=InFlightCap
    )
    run(delivery.deliver(events(3000, 200)))
    assert delivery.states() == dict.fromkeys(range(3000), EventState.ACCEPTED)
    assert delivery.service.complaints == []
    assert delivery.dispatcher.stats.throttled > 0
    assert delivery.dispatcher.stats.retried == delivery.dispatcher.stats.throttled


def test_ten_minutes_of_throttling_hold_no_more_memory() -> None:
    """While every attempt is throttled the budget holds, and afterwards the load goes on."""

    def plan(call: Call) -> Outcome:
        return answers.throttled() if call.at < 1600 else answers.accepted()

    delivery = Delivery(
        FakeService(plan),
        DeliverySettings(max_held_bytes=100_000),
        learned_rate=100.0,
        governor_type=Governor,
        cap_type=InFlightCap,
    )
    run(delivery.deliver(events(2000, 500)))
    assert delivery.states() == dict.fromkeys(range(2000), EventState.ACCEPTED)
    assert delivery.most_held_bytes < 100_000 + event_bytes(event(0))


def test_small_bodies_and_large_ones_share_one_budget() -> None:
    """An event larger than the whole budget passes alone; the budget is never exceeded by two."""
    delivery = Delivery(FakeService(), DeliverySettings(max_held_bytes=10_000))
    mixed = [event(i, f"g{i % 7}", data=b"x" * (50_000 if i % 10 == 0 else 100)) for i in range(300)]
    run(delivery.deliver(mixed))
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert delivery.most_held_bytes < 10_000 + event_bytes(mixed[0])


def test_many_producers_share_one_budget() -> None:
    """Several offers that wait at once are all let in, and never beyond the budget."""
    delivery = Delivery(FakeService(), DeliverySettings(max_held_bytes=2_000))

    async def produce(producer: int) -> None:
        for index in range(50):
            assert await delivery.dispatcher.offer(event(producer * 50 + index, f"g{producer}"))
            held = delivery.dispatcher.stats.held_bytes
            delivery.most_held_bytes = max(delivery.most_held_bytes, held)

    async def deliver() -> None:
        dispatcher = delivery.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run())
            await asyncio.gather(*[produce(producer) for producer in range(8)])
            dispatcher.close_intake()

    run(deliver())
    assert len(delivery.states()) == 400
    assert delivery.most_held_bytes < 2_000 + event_bytes(event(0))


def test_the_in_flight_cap_holds() -> None:
    """No more attempts are under way than the cap allows, and it is used fully."""
    delivery = Delivery(FakeService(), max_in_flight=7)
    run(delivery.deliver(events(500, 100)))
    assert delivery.service.most_in_flight <= 7
    assert delivery.dispatcher.stats.in_flight_cap <= 7


SLOW = 2.0


@pytest.mark.parametrize(
    ("factor", "delivery", "what"),
    [
        (LimitingFactor.CEILING, Delivery(FakeService(), DeliverySettings(rate=20)), events(5000, 5000)),
        (
            LimitingFactor.RATE,
            Delivery(FakeService(), learned_rate=1.0, governor_type=Governor),
            events(5000, 5000),
        ),
        (
            LimitingFactor.LEARNING,
            Delivery(FakeService(latency_seconds=1.0), max_in_flight=5000, governor_type=Governor),
            events(5000, 5000),
        ),
        (LimitingFactor.LANES, Delivery(FakeService()), events(5000, 3)),
        (
            LimitingFactor.IN_FLIGHT,
            Delivery(FakeService(latency_seconds=SLOW), max_in_flight=2),
            events(5000, 5000),
        ),
        (LimitingFactor.READER, Delivery(FakeService()), []),
        (LimitingFactor.QUOTA, Delivery(FakeService(answers.always(answers.quota()))), events(9, 9)),
        (
            LimitingFactor.MEMORY,
            Delivery(FakeService(latency_seconds=SLOW), DeliverySettings(max_held_bytes=5000)),
            events(5000, 5000),
        ),
        (
            LimitingFactor.BACKOFF,
            Delivery(FakeService(answers.always(answers.unavailable())), jitter=0.9),
            events(4, 2),
        ),
    ],
    ids=lambda value: value.value if isinstance(value, LimitingFactor) else "",
)
def test_the_load_says_what_limits_it(factor: LimitingFactor, delivery: Delivery, what: list[Event]) -> None:
    """Each bottleneck is named for what it is."""

    async def look() -> LimitingFactor | None:
        dispatcher = delivery.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run())
            feeding = tasks.create_task(offer_all())
            await asyncio.sleep(8.0)
            found = dispatcher.stats.limiting_factor(now())
            dispatcher.stop("seen enough")
            await feeding
        return found

    async def offer_all() -> None:
        for each in what:
            await delivery.dispatcher.offer(each)

    assert run(look()) is factor


def test_stats_are_live() -> None:
    """While events are under way the numbers say how many are sent, wait and are held."""
    delivery = Delivery(FakeService(latency_seconds=1.0), max_in_flight=9)

    async def look() -> None:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        await delivery.feed(events(5, 2))
        await asyncio.sleep(1.5)
        stats = dispatcher.stats
        assert (stats.accepted, stats.in_flight, stats.attempts) == (2, 2, 4)
        assert stats.held_bytes == 3 * event_bytes(event(0))
        assert (stats.in_flight_cap, stats.rate) == (delivery.cap.limit, delivery.governor.rate)
        await running

    run(look())


def test_waiting_costs_nothing() -> None:
    """An hour without events, or in a paused load, is a handful of loop turns: nothing polls."""

    async def idle(delivery: Delivery, what: list[Event]) -> int:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        for each in what:
            await dispatcher.offer(each)
        await asyncio.sleep(60.0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        before = loop.turns
        await asyncio.sleep(3600.0)
        turns = loop.turns - before
        dispatcher.close_intake()
        dispatcher.stop("seen enough")
        await running
        return turns

    assert run(idle(Delivery(FakeService()), [])) < 5
    assert run(idle(Delivery(FakeService(latency_seconds=9999.0)), events(50, 50))) < 5
    patient = DeliverySettings(drain_seconds=0)
    quota = Delivery(FakeService(answers.always(answers.quota())), patient)

    async def quota_idle() -> None:
        with pytest.raises(Exception, match="quota"):
            await idle(quota, events(50, 50))

    run(quota_idle())
    assert len(quota.service.calls) < 65


def test_a_slow_reader_is_waited_for() -> None:
    """Events that come one by one, seconds apart, go out as they come."""
    delivery = Delivery(FakeService())

    async def trickle() -> None:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        for index in range(20):
            await asyncio.sleep(5.0)
            await dispatcher.offer(event(index, f"g{index % 2}"))
        dispatcher.close_intake()
        await running

    run(trickle())
    assert [round(call.at - 1000) for call in delivery.service.calls] == list(range(5, 105, 5))
