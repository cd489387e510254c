"""The dispatcher on real event loops and real time: asyncio's and uvloop's."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping, Surroundings
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.settings import DeliverySettings
from loader.model import EventResult, EventState
from tests.delivery import fake_service as answers
from tests.delivery.fake_service import FakeService, event, script


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_delivers_on_real_time(runner: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """Throttles, lost answers, a ceiling and a small budget work with the loops' own timers."""
    service = FakeService(
        script({5: [answers.throttled()], 6: [answers.lost()], 7: [answers.unavailable()]}),
        latency_seconds=0.001,
    )
    results: list[EventResult] = []

    async def deliver() -> None:
        surroundings = Surroundings()
        dispatcher = Dispatcher(
            service,
            LearnedLimits(Governor(now=surroundings.monotonic(), learned_rate=1e6), InFlightCap(maximum=32)),
            Bookkeeping(results.append),
            settings=DeliverySettings(rate=1000, max_held_bytes=10_000),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run())
            for index in range(300):
                assert await dispatcher.offer(event(index, f"g{index % 40}"))
            dispatcher.close_intake()

    runner(deliver())
    assert len(results) == 300
    assert {result.state for result in results} == {EventState.ACCEPTED}
    assert service.complaints == []
