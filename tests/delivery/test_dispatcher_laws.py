"""The laws of delivery under any faults, any stop: order, once, nothing lost, no doubt forgotten."""

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.delivery.limits.byte_budget import event_bytes
from loader.delivery.limits.circuit_breaker import BreakerSettings
from loader.delivery.settings import DeliverySettings
from loader.errors import LoaderError
from loader.job import OnFailure
from loader.model import EventState, Outcome, OutcomeKind
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Call, Delivery, FakeService, MarkDiary, event
from tests.delivery.virtual_time import run

FAULTS = [
    answers.throttled(),
    answers.throttled(0.5),
    answers.unavailable(),
    answers.lost(),
    answers.unknown(),
    answers.expired(),
    answers.skewed(),
    answers.quota(),
    answers.blocked("HTTP302"),
    answers.blocked("HTTP405"),
    answers.blocked("HtmlPage"),
]


@dataclass(frozen=True)
class Scene:
    """What happens in one example: events by group, faults by event, poisoned events, settings, a stop."""

    groups: list[int]
    faults: list[list[Outcome]]
    poisoned: frozenset[int]
    settings: DeliverySettings
    max_in_flight: int
    latency_seconds: float
    jitter: float
    stop_after: float | None
    mark_seconds: float | None

    def plan(self, call: Call) -> Outcome:
        """Answer a try: its fault if there is one, a refusal if the event is poisoned, else acceptance."""
        faults = self.faults[call.event.index % len(self.faults)]
        if call.try_number <= len(faults):
            fault = faults[call.try_number - 1]
            harmless = call.event.index in self.poisoned and fault.may_have_been_accepted
            return answers.unavailable() if harmless else fault
        return answers.rejected() if call.event.index in self.poisoned else answers.accepted()


SCENES = st.builds(
    Scene,
    groups=st.lists(st.integers(0, 5), max_size=60),
    faults=st.lists(st.lists(st.sampled_from(FAULTS), max_size=4), min_size=1, max_size=20),
    poisoned=st.frozensets(st.integers(0, 60), max_size=8),
    settings=st.builds(
        DeliverySettings,
        rate=st.sampled_from([None, 3.0, 50.0]),
        max_held_bytes=st.sampled_from([1, 3000, 1_000_000]),
        on_failure=st.sampled_from(OnFailure),
        drain_seconds=st.sampled_from([0.0, 0.3, 20.0]),
        breaker=st.just(BreakerSettings(give_up_seconds=100_000)),
    ),
    max_in_flight=st.sampled_from([1, 3, 64]),
    latency_seconds=st.sampled_from([0.0, 0.01, 0.7]),
    jitter=st.floats(0, 1, exclude_max=True),
    stop_after=st.none() | st.floats(0, 60),
    mark_seconds=st.sampled_from([None, 0.0, 0.02, 3.0]),
)


async def play(scene: Scene, delivery: Delivery) -> bool:
    """Deliver the events of a scene; return whether the delivery ended by itself and in peace."""
    dispatcher = delivery.open()
    if scene.stop_after is not None:
        asyncio.get_running_loop().call_later(scene.stop_after, dispatcher.stop, "stopped")
    feeding = asyncio.ensure_future(
        delivery.feed([event(index, f"g{group}") for index, group in enumerate(scene.groups)])
    )
    try:
        await dispatcher.run()
    except LoaderError:
        return False
    finally:
        await feeding
    return scene.stop_after is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCENES)
def test_laws_of_delivery(scene: Scene) -> None:
    """For any faults and any stop the books agree with what the service holds."""
    diary = None if scene.mark_seconds is None else MarkDiary(scene.mark_seconds)
    delivery = Delivery(
        FakeService(scene.plan, latency_seconds=scene.latency_seconds, diary=diary),
        scene.settings,
        write_ahead=diary,
        max_in_flight=scene.max_in_flight,
        jitter=scene.jitter,
    )
    in_peace = run(play(scene, delivery))
    states, service = delivery.states(), delivery.service
    every = set(range(len(scene.groups)))

    # Order, one in flight per group, and marks before attempts, judged by the service.
    assert service.complaints == []
    # Whatever the service holds is accepted or in doubt; accepted is only what it holds.
    held = {taken.index for taken in service.taken.values()}
    accepted = {index for index, state in states.items() if state is EventState.ACCEPTED}
    in_doubt = {index for index, state in states.items() if state is EventState.IN_DOUBT}
    assert accepted <= held <= accepted | in_doubt
    # Failed is what the service refuses; unprocessed was never sent.
    assert {index for index, state in states.items() if state is EventState.FAILED} <= scene.poisoned
    sent = {call.event.index for call in service.calls}
    assert not sent & {index for index, state in states.items() if state is EventState.UNPROCESSED}
    # Without a stop each event has exactly one result.
    if in_peace:
        assert set(states) == every
        assert delivery.dispatcher.stats.held_bytes == 0
        lanes = delivery.dispatcher._lanes
        assert (len(lanes), lanes.unsent, lanes.ahead, lanes.in_flight) == (0, 0, 0, 0)
        if scene.settings.on_failure is OnFailure.CONTINUE:
            assert accepted == every - scene.poisoned
    # Bounds and counts.
    assert delivery.most_held_bytes < scene.settings.max_held_bytes + event_bytes(event(0))
    assert service.most_in_flight <= scene.max_in_flight
    stats = delivery.dispatcher.stats
    assert stats.attempts == len(service.calls)
    assert stats.retried == len(service.calls) - len(sent)
    finished = [result for result in delivery.results if result.code != "Interrupted"]
    assert all(result.attempts or result.code == "GroupOnHold" for result in finished)


def test_the_faults_cover_every_kind_that_is_retried() -> None:
    """The scenes leave out only what ends an event or the load at once."""
    final = {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.STOP}
    assert {fault.kind for fault in FAULTS} == set(OutcomeKind) - final
