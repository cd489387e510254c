"""How a delivery ends before its end: stop, cancel, bugs. It never hangs and never forgets a doubt."""

import asyncio

import pytest

from loader.delivery.settings import DeliverySettings
from loader.errors import CheckpointWriteError, TooManyFailures
from loader.model import Event, EventState, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Call, Delivery, FakeService, event, script
from tests.delivery.virtual_time import now, run

EVENTS = [event(index, f"g{index % 20}") for index in range(2000)]


async def stopped_after(delivery: Delivery, seconds: float) -> float:
    """Deliver, and stop after some time; return when the delivery ended."""
    dispatcher = delivery.open()
    asyncio.get_running_loop().call_later(seconds, dispatcher.stop, "interrupted")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.feed(EVENTS))
        await dispatcher.run()
        return now()


def test_stop_lets_what_is_in_flight_finish() -> None:
    """After a stop nothing is sent, the answers under way count, untouched events get no result."""
    delivery = Delivery(FakeService(latency_seconds=3.0), DeliverySettings(max_held_bytes=50_000))
    ended = run(stopped_after(delivery, 10.0))
    assert ended == 1012.0
    assert max(call.at for call in delivery.service.calls) <= 1010.0
    assert len(delivery.results) == len(delivery.service.calls) == 80
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert delivery.refused > 0


def test_what_outlasts_the_drain_is_cancelled_and_in_doubt() -> None:
    """An attempt without an answer after drain_seconds may have been accepted, and says so."""
    delivery = Delivery(FakeService(latency_seconds=60.0), DeliverySettings(drain_seconds=5.0))
    ended = run(stopped_after(delivery, 10.0))
    assert ended == 1015.0
    assert delivery.states() == dict.fromkeys(range(20), EventState.IN_DOUBT)
    first = delivery.results[0]
    assert (first.code, first.message, first.attempts) == ("Interrupted", "interrupted", 1)
    assert first.first_attempt_at is not None


def test_a_stop_writes_down_doubts_that_wait_for_a_retry() -> None:
    """An event whose answer was lost is in doubt; one that was only throttled was never accepted."""
    hour = Outcome(answers.lost().kind, "Timeout", may_have_been_accepted=True, retry_after_seconds=300.0)
    plan = script({0: [hour], 1: [answers.throttled()] * 10_000})
    delivery = Delivery(FakeService(plan))
    run(stopped_after(delivery, 10.0))
    states = delivery.states()
    assert states[0] is EventState.IN_DOUBT
    assert 1 not in states
    assert next(result for result in delivery.results if result.event.index == 0).code == "Timeout"


@pytest.mark.parametrize("seconds", [0.0, 100.0])
def test_stop_wakes_an_offer_that_waits_for_room(seconds: float) -> None:
    """A producer that waits for the budget is stopped, however long it has waited."""
    delivery = Delivery(
        FakeService(latency_seconds=5000.0), DeliverySettings(max_held_bytes=1000, drain_seconds=1.0)
    )
    run(stopped_after(delivery, seconds))
    assert delivery.refused >= len(EVENTS) - 3


def test_stop_while_credentials_are_refreshed() -> None:
    """A refresh under way does not hold up a stop."""
    delivery = Delivery(FakeService(answers.always(answers.expired())))
    ended = run(stopped_after(delivery, 0.5))
    assert ended == 1000.5
    assert delivery.results == []


def test_nothing_is_sent_after_a_stop_when_a_refresh_ends() -> None:
    """Credentials that arrive while the load drains do not start new attempts."""
    service = FakeService(script({0: [answers.expired()]}), latency_seconds=2.0)
    delivery = Delivery(service, max_in_flight=2)

    async def deliver() -> None:
        dispatcher = delivery.open()
        asyncio.get_running_loop().call_later(2.5, dispatcher.stop, "interrupted")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run())
            await dispatcher.offer(event(0, "a"))
            await asyncio.sleep(1.0)
            await dispatcher.offer(event(1, "b"))
            await dispatcher.offer(event(2, "c"))

    run(deliver())
    assert service.credentials == 1
    assert [call.event.index for call in service.calls] == [0, 1]
    assert delivery.states() == {1: EventState.ACCEPTED}


def test_cancelling_the_run_leaves_nothing_behind() -> None:
    """A cancelled delivery cancels its attempts, and offers after it are refused."""
    delivery = Delivery(FakeService(latency_seconds=60.0))

    async def cancel() -> None:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        await dispatcher.offer(event(0))
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not await dispatcher.offer(event(1))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(cancel())


def test_a_bug_in_an_attempt_stops_the_load_loudly() -> None:
    """An unexpected exception is raised unchanged, and the producer does not hang."""
    plan = lambda call: ZeroDivisionError("a bug") if call.number == 30 else answers.accepted()  # noqa: E731
    delivery = Delivery(FakeService(plan), DeliverySettings(max_held_bytes=20_000))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        run(delivery.deliver(EVENTS))
    assert delivery.refused > 0


def test_an_attempt_that_cancels_itself_is_a_bug() -> None:
    """An unexpected CancelledError stops the load instead of silently losing a worker."""

    class Confused(FakeService):
        async def attempt(self, event: Event) -> Outcome:
            if event.index == 7:
                raise asyncio.CancelledError
            return await super().attempt(event)

    delivery = Delivery(Confused())
    with pytest.raises(RuntimeError, match="cancelled its own attempt"):
        run(delivery.deliver(EVENTS))


def test_a_bug_in_the_caller_stops_the_load_loudly() -> None:
    """An exception from on_result is not an outcome either."""
    delivery = Delivery(
        FakeService(), complain=lambda result: KeyError("bug") if result.event.index == 9 else None
    )
    with pytest.raises(KeyError):
        run(delivery.deliver(EVENTS))


def test_an_error_from_the_caller_stops_the_load_in_good_order() -> None:
    """A LoaderError from on_result ends the load after what is in flight; the first one is raised."""
    errors = [TooManyFailures("Too many."), CheckpointWriteError("Disk full.")]
    seen = iter(errors)
    delivery = Delivery(
        FakeService(), complain=lambda result: next(seen, None) if result.event.index >= 100 else None
    )
    with pytest.raises(TooManyFailures):
        run(delivery.deliver(EVENTS))
    assert len(delivery.results) == len(delivery.service.calls) < 200


def test_offer_after_close_is_a_bug() -> None:
    """Nothing can be added to an intake that is closed."""
    delivery = Delivery(FakeService())

    async def late() -> None:
        dispatcher = delivery.open()
        dispatcher.close_intake()
        await dispatcher.run()
        with pytest.raises(RuntimeError, match="close_intake"):
            await dispatcher.offer(event(0))

    run(late())


def test_stop_at_any_moment_forgets_no_event_that_was_taken() -> None:
    """However a stop falls, an event the service holds is accepted or in doubt."""

    def plan(call: Call) -> Outcome:
        return answers.lost() if call.number % 3 == 0 else answers.accepted()

    for tenth in range(1, 40):
        delivery = Delivery(FakeService(plan, latency_seconds=0.37), DeliverySettings(drain_seconds=0.2))
        run(stopped_after(delivery, tenth / 10))
        states = delivery.states()
        for taken in delivery.service.taken.values():
            assert states[taken.index] in (EventState.ACCEPTED, EventState.IN_DOUBT)
        assert delivery.service.complaints == []
