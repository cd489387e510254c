"""Loads against a limited service in virtual time.

A run is deterministic: it has a heap of what happens next, a seeded source of random numbers, and no clock. A
loader starts an attempt, the service decides about it half a round trip later, and the answer arrives at the
end of its latency.
"""

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loader.delivery.rate.controller import RateController
from tests.simulation.quotas import Quota, QuotaSchedule
from tests.simulation.simulated_loader import (
    Attempt,
    Fate,
    LoaderPlan,
    SimulatedLoader,
    after_stall,
    new_governor,
)

LOAD_SPAN_SECONDS = 0.5
"""Time constant of the load measurement, for a latency that grows with the load."""

KNEE, TOP = 0.8, 1.2
"""Range of the load, as shares of the quota, in which such a latency grows."""


@dataclass(frozen=True, slots=True)
class Service:
    """The simulated service; times in seconds.

    Attributes:
        schedule: The quota over time.
        quota: The limiter, new for each run.
        accepted_seconds: Round trip of accepted attempts.
        throttled_seconds: Round trip of throttled ones.
        jitter_seconds: Maximum additional latency in each direction.
        busy_seconds: Processing time of an attempt. Later attempts queue during this time.
        stalls: (period, duration): the service stalls, and then decides about all waiting attempts at once.
        slowdown: Factor added to ``accepted_seconds`` when the load is at TOP times the quota.
        noise: Share of the attempts that are throttled at random.
        retry_after_seconds: Retry-After of each throttle, or None.
        errors: Share of the admitted attempts that get a server error, after ``accepted_seconds``.
        resets: Share of the admitted attempts whose connection is reset at once.
        timeouts: Share of the admitted attempts that get no answer within ``timeout_seconds``.
        timeout_seconds: Timeout of the loaders.
        capacity: Maximum number of concurrent attempts. Further attempts get a server error.
    """

    schedule: QuotaSchedule
    quota: Quota
    accepted_seconds: float = 0.05
    throttled_seconds: float = 0.05
    jitter_seconds: float = 0.0
    busy_seconds: float = 0.0
    stalls: tuple[float, float] | None = None
    slowdown: float = 0.0
    noise: float = 0.0
    retry_after_seconds: float | None = None
    errors: float = 0.0
    resets: float = 0.0
    timeouts: float = 0.0
    timeout_seconds: float = 60.0
    capacity: float = math.inf


class World:
    """A service, its loaders, and virtual time.

    Args:
        service: The service.
        plans: One loader for each.
        seed: Seed of the random numbers.
        new_controller: Makes the rate controller of each loader.

    Attributes:
        loaders: The loaders, with the results of their attempts.
    """

    def __init__(
        self,
        service: Service,
        plans: Sequence[LoaderPlan],
        *,
        seed: int,
        new_controller: Callable[[LoaderPlan], RateController] = new_governor,
    ) -> None:
        self._service = service
        self._chance = random.Random(seed)
        self._heap: list[tuple[float, int, SimulatedLoader | Attempt]] = []
        self._order = 0
        self._now = 0.0
        self._load = 0.0
        self._loaded_at = 0.0
        self._free_at = 0.0
        self._is_flaky = service.errors + service.resets + service.timeouts > 0 or service.capacity < math.inf
        self._at_work = 0
        self._way_seconds = min(service.accepted_seconds, service.throttled_seconds) / 2.0
        self.loaders = [
            SimulatedLoader(plan, send=self._send, wake_at=self._happen, new_controller=new_controller)
            for plan in plans
        ]

    def run(self, until: float) -> None:
        """Simulate up to a time in seconds."""
        for loader in self.loaders:
            loader.begin()
        heap, retry_after_seconds = self._heap, self._service.retry_after_seconds
        while heap and heap[0][0] <= until:
            self._now, _, what = heapq.heappop(heap)
            if isinstance(what, SimulatedLoader):
                what.wake(self._now)
            elif what.fate is None:
                self._judge(what)
            else:
                self._at_work -= what.fate is Fate.ACCEPTED
                what.loader.answer(what, self._now, retry_after_seconds)

    def _happen(self, time: float, what: SimulatedLoader | Attempt) -> None:
        self._order += 1
        heapq.heappush(self._heap, (time, self._order, what))

    def _send(self, attempt: Attempt) -> None:
        arrives_at = self._now + self._way_seconds + self._jitter()
        arrives_at = after_stall(arrives_at, self._service.stalls)
        self._free_at = max(self._free_at, arrives_at) + self._service.busy_seconds
        self._happen(self._free_at if self._service.busy_seconds else arrives_at, attempt)

    def _judge(self, attempt: Attempt) -> None:
        service, loader = self._service, attempt.loader
        is_noise = service.noise > 0 and self._chance.random() < service.noise
        if is_noise or not service.quota.admits(self._now):
            attempt.fate = Fate.THROTTLED
            loader.throttled_at.append(self._now)
            seconds = service.throttled_seconds
        elif self._is_flaky and (failed_seconds := self._failed_seconds()) is not None:
            attempt.fate = Fate.FAILED
            loader.failed_at.append(self._now)
            seconds = failed_seconds
        else:
            attempt.fate = Fate.ACCEPTED
            self._at_work += 1
            loader.accepted_at.append(self._now)
            slowdown = service.slowdown * self._pressure() if service.slowdown else 0.0
            seconds = service.accepted_seconds * (1.0 + slowdown)
        answered_at = self._now + seconds - self._way_seconds + self._jitter()
        self._happen(loader.awake_at(answered_at), attempt)

    def _failed_seconds(self) -> float | None:
        """Return after how many seconds an admitted attempt fails, or None if it does not."""
        service = self._service
        if self._at_work >= service.capacity:
            return service.throttled_seconds
        chance = self._chance.random()
        if chance < service.errors:
            return service.accepted_seconds
        if chance < service.errors + service.resets:
            return self._way_seconds
        return (
            service.timeout_seconds if chance < service.errors + service.resets + service.timeouts else None
        )

    def _jitter(self) -> float:
        return self._service.jitter_seconds * self._chance.random() if self._service.jitter_seconds else 0.0

    def _pressure(self) -> float:
        """Return the load as a fraction (0..1) of the range between KNEE and TOP."""
        elapsed, self._loaded_at = self._now - self._loaded_at, self._now
        self._load = self._load * math.exp(-elapsed / LOAD_SPAN_SECONDS) + 1.0 / LOAD_SPAN_SECONDS
        share = self._load / self._service.schedule.at(self._now)
        return (min(max(share, KNEE), TOP) - KNEE) / (TOP - KNEE)
