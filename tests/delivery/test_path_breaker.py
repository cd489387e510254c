"""The breaker for a closed way, the proof that a refusal is for content, and when a load is given up."""

import asyncio
from dataclasses import replace

import pytest

from loader.delivery.limits.path_breaker import ALIKE, START_SECONDS, PathBreaker
from loader.delivery.outcomes.content_refusals import MIN_REFUSAL_SECONDS as CONTENT_PATIENCE_SECONDS
from loader.delivery.outcomes.content_refusals import MIN_REFUSALS, PROOFS, ContentRefusals
from loader.delivery.settings import DeliverySettings
from loader.delivery.troubles import EPISODE_GAP_SECONDS, MAX_EPISODES, MAX_STEP_SECONDS, Troubles
from loader.errors import DeliveryStopped, LoaderError, ServiceStopped
from loader.model import EventState, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Call, Delivery, FakeService, Plan, event
from tests.delivery.virtual_time import run

PAGE = answers.blocked("HtmlPage")


def refused(breaker: PathBreaker, times: int, outcome: Outcome = PAGE, at: float = 100.0) -> list[bool]:
    """Let a number of events be refused; return what the breaker says to each."""
    return [breaker.answered(outcome, str(each), at, at - 0.01) for each in range(times)]


def test_it_opens_at_so_many_refusals_in_a_row() -> None:
    """One refusal less does not open it; after an answer of the service, the count starts again."""
    breaker = PathBreaker()
    refused(breaker, ALIKE - 1)
    breaker.answered(answers.accepted(), "a", 100.0, 99.0)
    refused(breaker, ALIKE - 1)
    assert not breaker.is_open
    refused(breaker, 1)
    assert breaker.is_open
    assert breaker.wait_seconds(100.0) == 0.5


def test_probes_are_one_at_a_time_and_ever_rarer() -> None:
    """Pauses double up to ten seconds, and any answer of the service closes the breaker."""
    breaker = PathBreaker()
    breaker.answered(answers.accepted(), "a", 1.0, 0.0)
    refused(breaker, ALIKE)
    now, pauses = 100.0, []
    for _ in range(7):
        pauses.append(breaker.wait_seconds(now))
        now += pauses[-1]
        breaker.start()
        assert breaker.wait_seconds(now) == float("inf")
        assert not breaker.answered(PAGE, "p", now + 0.1, now)
        now += 0.1
    assert pauses == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0])
    breaker.start()
    breaker.answered(answers.throttled(), "p", now + 20, now + 19)
    assert not breaker.is_open


def test_an_attempt_that_was_withdrawn_was_no_probe() -> None:
    """A probe that was never sent does not keep the breaker waiting."""
    breaker = PathBreaker()
    refused(breaker, ALIKE)
    breaker.start()
    breaker.withdrawn()
    assert breaker.wait_seconds(200.0) == 0.0


def test_only_a_lasting_refusal_at_the_start_stops_the_load() -> None:
    """A blip does not; other causes in between do not; an answer of the service before forbids it."""
    assert not any(refused(PathBreaker(), 2 * ALIKE))
    lasting = PathBreaker()
    refused(lasting, ALIKE)
    assert lasting.answered(PAGE, "x", 100.0 + START_SECONDS, 100.5)
    mixed = PathBreaker()
    refused(mixed, ALIKE, answers.blocked("HTTP302"))
    assert not mixed.answered(PAGE, "x", 100.0 + START_SECONDS, 100.5)
    open_before = PathBreaker()
    open_before.answered(answers.rejected(), "a", 1.0, 0.0)
    refused(open_before, ALIKE)
    assert not open_before.answered(PAGE, "x", 100.0 + START_SECONDS, 100.5)


def test_a_certain_refusal_stops_at_the_first() -> None:
    """An untrusted certificate needs no second look, unless the way was open before."""
    assert refused(PathBreaker(), 1, answers.blocked("CertificateNotTrusted")) == [True]


def test_proofs_that_a_refusal_is_for_content() -> None:
    """Others get through between the refusals of one event, again and again."""
    refusals = ContentRefusals()
    verdicts = []
    for each in range(PROOFS + 1):
        verdicts.append(refusals.is_verdict("bad", float(each)))
        refusals.accepted(f"good {each}")
    assert verdicts == [False] * PROOFS + [True]


def test_without_others_there_is_no_proof() -> None:
    """In an outage all are refused, for however long: nothing is proved."""
    refusals = ContentRefusals()
    refusals.accepted("before")
    for second in range(0, 10_000, 10):
        assert not refusals.is_verdict("a", float(second))
        assert not refusals.is_verdict("b", float(second))


def test_an_event_that_gets_through_voids_the_proofs() -> None:
    """A load balancer with one bad member refuses events that pass at the next try."""
    refusals = ContentRefusals()
    for each in range(10 * PROOFS):
        assert not refusals.is_verdict("a", each / 10)
        assert not refusals.is_verdict("b", each / 10)
        refusals.accepted("a" if each % 2 else "c")


def test_alone_time_decides_once() -> None:
    """The last event of a load has no others beside it; of two in a row only one is judged by time."""
    refusals = ContentRefusals()
    refusals.accepted("before")
    verdicts = [
        refusals.is_verdict("last", CONTENT_PATIENCE_SECONDS * each / 4) for each in range(MIN_REFUSALS)
    ]
    assert verdicts == [False] * (MIN_REFUSALS - 1) + [True]
    assert not any(refusals.is_verdict("next", 1000.0 + 10 * each) for each in range(1000))


def test_troubles_are_counted_by_cause() -> None:
    """The last cause, how often and since when; an episode ends with a long pause and an acceptance."""
    troubles = Troubles()
    troubles.note(answers.unavailable(), 0.0, 1000.0)
    troubles.note(PAGE, 1.0, 1001.0)
    troubles.note(answers.unavailable(), 2.0, 1002.0)
    assert troubles.last is not None
    assert (troubles.last.code, troubles.last.count, troubles.last.since) == ("ServiceUnavailable", 2, 1000.0)
    troubles.relieved()
    troubles.note(answers.unavailable(), 3.0, 1003.0 + EPISODE_GAP_SECONDS)
    assert (troubles.last.count, troubles.last.since) == (1, 1003.0 + EPISODE_GAP_SECONDS)


def test_time_in_which_the_process_did_not_run_does_not_count() -> None:
    """A machine that was suspended for hours asks again before it gives up."""
    troubles = Troubles(600.0)
    troubles.note(answers.unavailable(), 0.0, 0.0)
    troubles.look(10_000.0)
    assert troubles.waited_seconds == MAX_STEP_SECONDS
    assert not troubles.should_give_up


def deliver(
    plan: Plan, events: int = 40, groups: int = 10, **settings: float
) -> tuple[Delivery, LoaderError | None]:
    """Deliver events on virtual time, and return also what stopped it."""
    delivery = Delivery(FakeService(plan), DeliverySettings(**settings))  # type: ignore[arg-type] # by name

    async def main() -> LoaderError | None:
        dispatcher = delivery.open()
        feeding = asyncio.ensure_future(
            delivery.feed([event(each, f"g{each % groups}") for each in range(events)])
        )
        try:
            await dispatcher.run()
        except LoaderError as error:
            return error
        finally:
            await feeding
        return None

    return delivery, run(main())


@pytest.mark.parametrize(("code", "kind"), [("HtmlPage", DeliveryStopped), ("HTTP403", ServiceStopped)])
def test_a_closed_way_stops_a_delivery_after_a_few_calls(code: str, kind: type[LoaderError]) -> None:
    """Access is the service's exit code, all else can be resumed later."""
    delivery, error = deliver(answers.always(answers.blocked(code)))
    assert isinstance(error, kind)
    assert len(delivery.service.calls) < 40


@pytest.mark.parametrize("code", ["HtmlPage", "HTTP302", "HTTP403", "HTTP400", "HTTP405"])
def test_an_outage_of_45_seconds_fails_nothing(code: str) -> None:
    """Once the service has answered, refusals on the way are waited out, in order."""

    def plan(call: Call) -> Outcome:
        return answers.blocked(code) if 1000.05 < call.at < 1045.05 else answers.accepted()

    delivery, error = deliver(plan, events=400, give_up_seconds=600.0)
    assert error is None
    assert set(delivery.states().values()) == {EventState.ACCEPTED}
    assert delivery.service.complaints == []
    assert len(delivery.service.calls) < 500


def test_a_delivery_is_given_up_when_nothing_is_accepted() -> None:
    """The error names the cause, and comes when it is due."""
    delivery, error = deliver(answers.always(answers.unavailable()), give_up_seconds=600.0)
    assert isinstance(error, DeliveryStopped)
    assert "10 min" in error.what
    assert "ServiceUnavailable" in error.why
    assert 1590 < delivery.service.calls[-1].at < 1601


def test_throttling_is_never_given_up() -> None:
    """A service that throttles is at work: that has a patience of its own."""

    def plan(call: Call) -> Outcome:
        return answers.throttled() if call.at < 1000.0 + 100 else answers.accepted()

    delivery, error = deliver(plan, events=2, groups=2, give_up_seconds=20.0)
    assert error is None
    assert set(delivery.states().values()) == {EventState.ACCEPTED}


def test_a_probe_without_an_answer_keeps_the_breaker_open_for_another_pause() -> None:
    """A connection that breaks off shows nothing about the way: the next probe comes a pause later."""
    breaker = PathBreaker()
    breaker.answered(answers.accepted(), "a", 1.0, 0.0)
    assert breaker.wait_seconds(50.0) == 0.0
    refused(breaker, ALIKE)
    breaker.start()
    assert not breaker.answered(replace(answers.lost(), of_service=False), "p", 101.0, 100.5)
    assert breaker.is_open
    assert breaker.wait_seconds(101.0) == pytest.approx(0.5)


def test_two_proofs_are_a_verdict_after_a_minute_of_refusals() -> None:
    """With fewer it takes an event that is refused alone, and that only once between two acceptances."""
    refusals = ContentRefusals()
    for number in range(MIN_REFUSALS - 1):
        assert not refusals.is_verdict("bad", float(number))
        assert not refusals.is_verdict("other", float(number))
        if number < 2:
            refusals.accepted(f"good {number}")
    assert refusals.is_verdict("bad", CONTENT_PATIENCE_SECONDS + 1)


def test_causes_in_memory_are_bounded() -> None:
    """Names of causes come from outside: whatever they are, only the latest stay."""
    troubles = Troubles(600.0)
    for number in range(3 * MAX_EPISODES):
        troubles.note(replace(answers.unknown(), code=f"Code{number}"), float(number), float(number))
    assert len(troubles._episodes) <= MAX_EPISODES
    assert troubles.last is not None
    assert (troubles.last.code, troubles.last.count) == (f"Code{3 * MAX_EPISODES - 1}", 1)
