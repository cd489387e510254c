"""The dispatcher before a service that answers by plan: what becomes of each event."""

import asyncio
from itertools import pairwise

import pytest

from loader.delivery.limits.circuit_breaker import BreakerSettings
from loader.delivery.outcomes.retry import MAX_UNKNOWN_ANSWERS, MOST_UNKNOWN_EVENTS
from loader.delivery.settings import DeliverySettings
from loader.errors import ExitCode, LoaderError, ServiceStopped
from loader.job import OnFailure
from loader.model import SAFE_SECONDS, Event, EventState, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import WALL_OFFSET, Call, Delivery, FakeService, event, script
from tests.delivery.virtual_time import now, run

HOLD = DeliverySettings(on_failure=OnFailure.HOLD)


def events(count: int, groups: int = 3) -> list[Event]:
    return [event(index, f"g{index % groups}") for index in range(count)]


def test_everything_is_delivered_in_order() -> None:
    """Each event is accepted once, one of a group at a time, with the facts of its attempt."""
    delivery = Delivery(FakeService())
    run(delivery.deliver(events(100)))
    assert delivery.states() == dict.fromkeys(range(100), EventState.ACCEPTED)
    assert delivery.service.complaints == []
    assert delivery.service.most_in_flight == 3
    for result, call in zip(delivery.results, delivery.service.calls, strict=True):
        assert (result.attempts, result.event_id, result.code) == (1, "receipt", "")
        assert result.first_attempt_at == result.last_attempt_at == WALL_OFFSET + call.at
    stats = delivery.dispatcher.stats
    assert (stats.attempts, stats.accepted, stats.retried, stats.throttled) == (100, 100, 0, 0)
    assert (stats.in_flight, stats.held_bytes) == (0, 0)


@pytest.mark.parametrize(
    "fault",
    [answers.throttled(), answers.unavailable(), answers.lost(), answers.unknown(), answers.skewed()],
    ids=lambda outcome: outcome.code,
)
def test_a_retry_goes_before_anything_later_of_its_group(fault: Outcome) -> None:
    """Faults of every retried kind change neither the order nor the set of accepted events."""
    delivery = Delivery(FakeService(script({0: [fault], 4: [fault, answers.unavailable()]})))
    run(delivery.deliver(events(12)))
    assert delivery.states() == dict.fromkeys(range(12), EventState.ACCEPTED)
    assert delivery.service.complaints == []
    retried = next(result for result in delivery.results if result.event.index == 4)
    assert retried.attempts == 3
    assert delivery.dispatcher.stats.retried == 3
    assert delivery.dispatcher.stats.attempts == 15


def test_every_attempt_sends_the_same_event() -> None:
    """A retry carries the token and the bytes of the first attempt."""
    delivery = Delivery(FakeService(script({0: [answers.lost(), answers.throttled()]})))
    only = event(0)
    run(delivery.deliver([only]))
    assert [call.event for call in delivery.service.calls] == [only] * 3


def test_a_rejected_event_does_not_stop_its_group() -> None:
    """By default a failed event is written down and the load goes on."""
    delivery = Delivery(FakeService(script({1: [answers.rejected()]})))
    run(delivery.deliver(events(5, groups=1)))
    assert delivery.states() == dict.fromkeys((0, 2, 3, 4), EventState.ACCEPTED) | {1: EventState.FAILED}
    failed = next(result for result in delivery.results if result.state is EventState.FAILED)
    assert (failed.code, failed.message, failed.event_id) == ("ValidationException", "bad record", None)
    assert delivery.dispatcher.stats.failed == 1


def test_hold_parks_the_later_events_of_the_group() -> None:
    """With on_failure hold, events behind a failed one and events offered later stay unprocessed."""
    settings = DeliverySettings(on_failure=OnFailure.HOLD, max_held_bytes=3000)
    delivery = Delivery(FakeService(script({2: [answers.rejected()]})), settings)
    run(delivery.deliver(events(40, groups=2)))
    states = delivery.states()
    assert states.pop(0) is EventState.ACCEPTED
    assert states.pop(2) is EventState.FAILED
    assert {states[index] for index in range(4, 40, 2)} == {EventState.UNPROCESSED}
    assert {states[index] for index in range(1, 40, 2)} == {EventState.ACCEPTED}
    assert delivery.dispatcher.stats.held_bytes == 0
    parked = next(result for result in delivery.results if result.event.index == 38)
    assert (parked.code, parked.attempts, parked.first_attempt_at) == ("GroupOnHold", 0, None)


def test_groups_held_by_an_earlier_run_stay_on_hold() -> None:
    """A resumed load leaves out the groups that were put on hold before."""
    delivery = Delivery(FakeService(), HOLD, held_groups=["g1"])
    run(delivery.deliver(events(6)))
    unprocessed = [index for index, state in delivery.states().items() if state is EventState.UNPROCESSED]
    assert unprocessed == [1, 4]


def test_unknown_answers_end_as_failed_never_as_dropped() -> None:
    """An unknown answer is retried, then recorded; after a lost answer the event is in doubt."""
    plan = script(
        {0: [answers.unknown()] * 50, 1: [answers.lost(), *[answers.unknown()] * 50]},
    )
    delivery = Delivery(FakeService(plan))
    run(delivery.deliver(events(2)))
    assert delivery.states() == {0: EventState.FAILED, 1: EventState.IN_DOUBT}
    assert len(delivery.service.calls) == 2 * MAX_UNKNOWN_ANSWERS + 1


def test_a_load_whose_events_all_get_unknown_answers_stops() -> None:
    """A few events end, one at a time. The others are left for the next run instead of ten calls for each."""
    delivery = Delivery(FakeService(answers.always(answers.unknown())))
    with pytest.raises(ServiceStopped, match="does not know") as stopped:
        run(delivery.deliver(events(200, groups=20)))
    assert stopped.value.exit_code is ExitCode.STOPPED_BY_SERVICE
    assert stopped.value.why.startswith("Teapot")
    assert set(delivery.states().values()) == {EventState.FAILED}
    assert len(delivery.states()) == MOST_UNKNOWN_EVENTS
    assert len(delivery.service.calls) <= 25 * MAX_UNKNOWN_ANSWERS  # of 200 events


def test_unknown_answers_stop_no_load_that_delivers() -> None:
    """After an acceptance, events that get unknown answers fail one by one."""
    plan = script({index: [answers.unknown()] * 50 for index in range(1, 8)})
    delivery = Delivery(FakeService(plan))
    run(delivery.deliver(events(12, groups=12)))
    assert list(delivery.states().values()).count(EventState.FAILED) == 7


def test_an_outage_is_waited_out_until_the_token_is_too_old() -> None:
    """After hours of 503 an event is given up before its token expires: in doubt if it may be there."""
    plan = script(
        {0: [answers.unavailable()] * 10_000, 1: [answers.lost(), *[answers.unavailable()] * 10_000]}
    )
    delivery = Delivery(FakeService(plan))
    run(delivery.deliver(events(3)))
    assert delivery.states() == {0: EventState.FAILED, 1: EventState.IN_DOUBT, 2: EventState.ACCEPTED}
    last = max(call.at for call in delivery.service.calls)
    first = delivery.service.calls[0].at
    assert SAFE_SECONDS - 30 < last - first < SAFE_SECONDS


@pytest.mark.parametrize(("doubt", "state"), [(True, EventState.IN_DOUBT), (False, EventState.FAILED)])
def test_a_resumed_event_past_its_token_is_not_sent(*, doubt: bool, state: EventState) -> None:
    """An event first sent eight hours ago by an earlier run is settled without another attempt."""
    delivery = Delivery(FakeService())

    async def resume() -> None:
        dispatcher = delivery.open()
        old = WALL_OFFSET + now() - SAFE_SECONDS
        await dispatcher.offer(event(0), first_attempt_at=old, may_have_been_accepted=doubt)
        await dispatcher.offer(event(1), first_attempt_at=old + 60, may_have_been_accepted=True)
        dispatcher.close_intake()
        await dispatcher.run()
        assert delivery.results[0].first_attempt_at == old

    run(resume())
    assert delivery.states() == {0: state, 1: EventState.ACCEPTED}
    assert [call.event.index for call in delivery.service.calls] == [1]
    assert delivery.results[0].code == "TokenTooOld"


def test_resumed_events_past_their_token_make_room() -> None:
    """Offers that wait behind such events in the budget go on when these are settled unsent."""
    delivery = Delivery(FakeService(), DeliverySettings(max_held_bytes=1))

    async def resume() -> None:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        await asyncio.sleep(1.0)
        for index in range(5):
            await dispatcher.offer(event(index), first_attempt_at=0.0, may_have_been_accepted=True)
        dispatcher.close_intake()
        await running

    run(resume())
    assert delivery.states() == dict.fromkeys(range(5), EventState.IN_DOUBT)
    assert delivery.service.calls == []


def test_a_resumed_doubt_in_a_held_group_stays_a_doubt() -> None:
    """An event that may be accepted is never called unprocessed."""
    delivery = Delivery(FakeService(), HOLD, held_groups=["g"])

    async def resume() -> None:
        dispatcher = delivery.open()
        await dispatcher.offer(event(0), first_attempt_at=WALL_OFFSET + now(), may_have_been_accepted=True)
        dispatcher.close_intake()
        await dispatcher.run()

    run(resume())
    assert delivery.states() == {0: EventState.IN_DOUBT}


def expires_once(call: Call) -> Outcome:
    return answers.accepted() if call.credentials else answers.expired()


def test_expired_credentials_are_refreshed_once_for_all() -> None:
    """Many attempts under way with expired credentials cause one refresh, and nothing else is sent then."""
    delivery = Delivery(FakeService(expires_once))
    run(delivery.deliver(events(50, groups=50)))
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert delivery.service.credentials == 1
    times = [call.at for call in delivery.service.calls]
    assert max(later - earlier for earlier, later in pairwise(times)) >= 1.0


def test_refresh_twice_in_a_row_stops_the_load() -> None:
    """Credentials that do not help after a refresh end the load with the service's words."""
    delivery = Delivery(FakeService(answers.always(answers.expired())))
    with pytest.raises(ServiceStopped) as stopped:
        run(delivery.deliver(events(10)))
    assert "ExpiredTokenException" in stopped.value.why
    assert "sign in" in stopped.value.next_step
    assert delivery.results == []
    assert len(delivery.service.calls) <= 6


def test_a_refresh_that_fails_stops_the_load() -> None:
    """The error of the credential source comes out as it is."""
    error = ServiceStopped("No credentials were found.")
    delivery = Delivery(FakeService(answers.always(answers.expired()), refresh=lambda: error))
    with pytest.raises(ServiceStopped) as stopped:
        run(delivery.deliver(events(10)))
    assert stopped.value is error


def test_a_wrong_clock_is_adjusted_once() -> None:
    """The service's time is handed on, and the event goes out again."""
    delivery = Delivery(FakeService(script({0: [answers.skewed(123.0)]})))
    run(delivery.deliver(events(2)))
    assert delivery.service.clock_readings == [123.0]
    assert set(delivery.states().values()) == {EventState.ACCEPTED}


@pytest.mark.parametrize("plan", [[answers.skewed(), answers.skewed()], [answers.skewed(None)]])
def test_a_clock_that_cannot_be_adjusted_stops_the_load(plan: list[Outcome]) -> None:
    """A second skewed answer in a row, or one without a time, is the end, with a clear reason."""
    delivery = Delivery(FakeService(script({0: plan})))
    with pytest.raises(ServiceStopped, match="time of the requests"):
        run(delivery.deliver(events(1)))


def test_access_denied_stops_the_load_at_once() -> None:
    """No further attempt is made, the answers under way are taken in, the rest has no result."""
    delivery = Delivery(FakeService(script({5: [answers.denied()]})), max_in_flight=8)
    with pytest.raises(ServiceStopped) as stopped:
        run(delivery.deliver(events(500, groups=500)))
    assert stopped.value.exit_code is ExitCode.STOPPED_BY_SERVICE
    assert stopped.value.why == "AccessDeniedException: not authorized (request r-1)"
    assert "scn:SendDataIntegrationEvent" in stopped.value.next_step
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert len(delivery.results) == len(delivery.service.calls) - 1 < 20


def test_a_used_up_quota_pauses_every_lane_and_goes_on() -> None:
    """402 lets one probe through after 30 s, then 60 s; when it is accepted all lanes go on."""

    def plan(call: Call) -> Outcome:
        return answers.accepted() if call.at < 1000.05 or call.at > 1050 else answers.quota()

    delivery = Delivery(FakeService(plan))
    run(delivery.deliver(events(60)))
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert delivery.service.complaints == []
    paused = [round(call.at - 1000.06) for call in delivery.service.calls if call.at > 1001]
    assert paused[:2] == [30, 90]
    assert set(paused[2:]) == {90}


def test_a_quota_that_stays_used_up_stops_the_load() -> None:
    """After half an hour of 402 the load stops, resumable, with few probes spent."""
    settings = DeliverySettings(breaker=BreakerSettings(give_up_seconds=1800))
    delivery = Delivery(FakeService(answers.always(answers.quota())), settings)
    with pytest.raises(ServiceStopped, match="quota"):
        run(delivery.deliver(events(60)))
    assert delivery.results == []
    assert len(delivery.service.calls) < 3 + 10
    assert delivery.service.calls[-1].at - delivery.service.calls[0].at == pytest.approx(1800, abs=1)


def test_a_client_that_cannot_send_stops_the_load() -> None:
    """A LoaderError from the client comes out, and its event, never sent, is not in doubt."""
    error = LoaderError("No endpoint.")
    delivery = Delivery(FakeService(lambda call: error if call.event.index == 1 else answers.accepted()))
    with pytest.raises(LoaderError) as raised:
        run(delivery.deliver(events(30)))
    assert raised.value is error
    assert 1 not in delivery.states()
    assert delivery.dispatcher.stats.attempts == len(delivery.service.calls) - 1


def test_an_attempt_that_could_not_be_made_is_no_retry() -> None:
    """The counts of the summary are of requests: one that the client could not make was none."""

    def plan(call: Call) -> Outcome | Exception:
        return answers.throttled() if call.try_number == 1 else ServiceStopped("No credentials.")

    delivery = Delivery(FakeService(plan))
    with pytest.raises(ServiceStopped):
        run(delivery.deliver([event(0)]))
    stats = delivery.dispatcher.stats
    assert (stats.attempts, stats.retried, stats.throttled) == (1, 0, 1)
