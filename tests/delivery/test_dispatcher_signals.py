"""The signals to the limits: each attempt takes one token and reports once, with its epoch."""

import asyncio
import gc

from loader.model import Event, Outcome
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import Delivery, FakeService, FixedCap, OpenGovernor, event, script
from tests.delivery.virtual_time import now, run


class ListeningGovernor(OpenGovernor):
    """A governor that numbers its epochs and records the signals of each."""

    def __init__(self, *, now: float, learned_rate: float | None) -> None:
        super().__init__(now=now, learned_rate=learned_rate)
        self.starts = 0
        self.told: list[tuple[int, str, float, float | None]] = []

    def start(self, now: float) -> int:
        self.starts += 1
        return self.starts

    def accepted(self, now: float, epoch: int) -> None:
        self.told.append((epoch, "accepted", now, None))

    def throttled(self, now: float, epoch: int, retry_after_seconds: float | None = None) -> None:
        self.told.append((epoch, "throttled", now, retry_after_seconds))

    def answered(self, now: float, epoch: int) -> None:
        self.told.append((epoch, "answered", now, None))


class ListeningCap(FixedCap):
    """An in-flight cap that records its signals."""

    def __init__(self, *, maximum: int) -> None:
        super().__init__(maximum=maximum)
        self.latencies: list[float] = []
        self.troubles: list[tuple[float, float]] = []

    def succeeded(self, now: float, latency_seconds: float, rate: float) -> None:
        self.latencies.append(round(latency_seconds, 6))

    def troubled(self, now: float, started_at: float) -> None:
        self.troubles.append((round(now, 6), round(started_at, 6)))


def listened(faults: list[Outcome]) -> tuple[ListeningGovernor, ListeningCap, Delivery]:
    """Deliver one event through these faults and return the limits that listened."""
    delivery = Delivery(
        FakeService(script({0: faults}), latency_seconds=0.5),
        governor_type=ListeningGovernor,
        cap_type=ListeningCap,
    )
    run(delivery.deliver([event(0)]))
    assert isinstance(delivery.governor, ListeningGovernor)
    assert isinstance(delivery.cap, ListeningCap)
    return delivery.governor, delivery.cap, delivery


def test_every_attempt_pays_and_reports_once() -> None:
    """Retries take tokens too, and every answer is reported with its attempt's epoch."""
    faults = [
        answers.throttled(2.0),
        answers.unavailable(),
        answers.unknown(),
        answers.expired(),
        answers.skewed(),
        answers.quota(),
    ]
    governor, _, delivery = listened(faults)
    assert governor.starts == len(delivery.service.calls) == 7
    assert [(epoch, what, hint) for epoch, what, _, hint in governor.told] == [
        (1, "throttled", 2.0),
        (2, "answered", None),
        (3, "answered", None),
        (4, "answered", None),
        (5, "answered", None),
        (6, "answered", None),
        (7, "accepted", None),
    ]
    ends = [call.at + 0.5 for call in delivery.service.calls]
    assert [at for _, _, at, _ in governor.told] == ends


def test_only_troubles_of_the_service_reach_the_in_flight_cap() -> None:
    """Throttles and data errors never shrink the cap; 5xx and timeouts do, with their start."""
    harmless = [answers.throttled(), answers.unknown(), answers.expired(), answers.quota()]
    _, cap, _ = listened(harmless)
    assert cap.troubles == []
    assert cap.latencies == [0.5]
    _, cap, _ = listened([answers.rejected()])
    assert (cap.troubles, cap.latencies) == ([], [])
    _, cap, delivery = listened([answers.unavailable(), answers.lost()])
    starts = [call.at for call in delivery.service.calls]
    assert cap.troubles == [(round(start + 0.5, 6), round(start, 6)) for start in starts[:2]]


def test_an_idle_delivery_keeps_no_settled_event() -> None:
    """Workers that wait for more hold nothing of what they sent."""
    delivery = Delivery(FakeService())
    kept: list[int] = []

    async def deliver() -> None:
        dispatcher = delivery.open()
        running = asyncio.ensure_future(dispatcher.run())
        for index in range(50):
            await dispatcher.offer(event(index, f"g{index}"))
        await asyncio.sleep(10.0)
        assert dispatcher.stats.accepted == 50
        assert now() == 1010.0
        for book in (delivery.results, delivery.service.calls, delivery.service.taken):
            book.clear()  # the fakes' own memory
        gc.collect()
        kept.append(sum(isinstance(thing, Event) for thing in gc.get_objects()))
        dispatcher.close_intake()
        await running

    gc.collect()
    before = sum(isinstance(thing, Event) for thing in gc.get_objects())
    run(deliver())
    assert kept[0] <= before
