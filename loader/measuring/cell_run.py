"""One cell: send events through a load's delivery for some seconds, and measure after a warm-up.

The rate counts acceptances after the warm-up. During the warm-up, a quota admits a burst, and the rate
controller searches for the limit; both would distort a figure of a few seconds (`measured_stretch`).
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.rate.memory import Remembered
from loader.delivery.settings import DeliverySettings
from loader.errors import contained
from loader.latency import Latencies
from loader.measuring.calls import CallsUsedUp, CountedClient
from loader.measuring.grid import Cell, CellResult
from loader.measuring.payloads import Payloads
from loader.model import OutcomeKind

WARM_UP_SHARE = 0.4
"""Share of a cell's time, or of its calls if they end first, that is not measured."""

LONG_SHARE, SHORT_SHARE, MANY_EVENTS = 0.5, 0.15, 100
"""The rate is measured over at least LONG_SHARE of the time after the warm-up. If MANY_EVENTS are accepted in
SHORT_SHARE of it, that time is enough: one event more or less then changes the rate by 1 %."""

SLOW_SHARE = 0.05
"""If round trips take more than this share of the measured time, most of it is a queue in front of the
service. The service then decides near the end of an attempt, otherwise near its start."""

_LOOK_SECONDS = 0.05
"""Interval between checks for the end of the warm-up."""

MEASURING_DRAIN_SECONDS = 5.0
"""How long to wait for pending answers after the end of a cell."""

EXTRA_SECONDS = 5.0
"""How much longer a cell lasts at most if no event was accepted after its warm-up. A quota of one call in
some seconds, or a suspended machine, leaves nothing to measure in a short time."""


@dataclass(frozen=True, slots=True)
class _WarmUp:
    """Figures at the end of the warm-up; its time in monotonic seconds."""

    at: float
    attempts: int
    throttled: int
    round_trips: Latencies


@dataclass(slots=True)
class _Moments:
    """Start and end of attempts with the same outcome, in monotonic seconds."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def add(self, started_at: float) -> None:
        self.starts.append(started_at)
        self.ends.append(time.monotonic())


class CellRun:
    """Measures one cell. Use it once.

    Args:
        client: Sends within the cell's share of the calls; its ``on_outcome`` is set here.
        cell: The cell.
        payloads: Makes its events.
        seconds: Its duration.
        known: What earlier cells learned about the rate.
        rate: The user's ceiling in calls per second, or None.
    """

    def __init__(
        self,
        client: CountedClient,
        cell: Cell,
        payloads: Payloads,
        *,
        seconds: float,
        known: Remembered,
        rate: float | None = None,
    ) -> None:
        self._client = client
        client.on_outcome = self._on_outcome
        self._cell = cell
        self._payloads = payloads
        self._seconds = seconds
        self._governor = Governor(now=time.monotonic(), learned_rate=known.limit, reached_rate=known.reached)
        self._dispatcher = Dispatcher(
            client,
            LearnedLimits(self._governor, InFlightCap(maximum=cell.in_flight)),
            Bookkeeping(on_result=lambda _result: None),
            settings=DeliverySettings(rate=rate, drain_seconds=MEASURING_DRAIN_SECONDS),
        )
        self._began_at = time.monotonic()
        self._warm: _WarmUp | None = None
        self._accepted = _Moments()
        self._throttled = _Moments()
        self._ended_by = "time"

    @property
    def learned(self) -> Remembered:
        """What the cell learned about the rate."""
        return Remembered(self._governor.learned_rate, self._governor.reached_rate)

    def stop(self) -> None:
        """End the cell early."""
        self._ended_by = "interrupted"
        self._dispatcher.stop("interrupted")

    async def run(self) -> CellResult:
        """Send until the time or the calls are used up, and return the measurement.

        Raises:
            LoaderError: The service refuses all events.
            Exception: A fault of the work in parallel with the delivery.
        """
        tasks = [asyncio.create_task(self._beside(work)) for work in (self._feed, self._time)]
        try:
            await self._dispatcher.run()
        except CallsUsedUp:
            self._ended_by = "calls"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()
        return self._result()

    async def _beside(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run work in parallel with the delivery. A fault of the work ends the cell."""
        try:
            with contained():
                await work()
        except Exception:
            self._dispatcher.stop("an internal error")
            raise

    async def _feed(self) -> None:
        index = 0
        while await self._dispatcher.offer(self._payloads.event(index)):
            index += 1

    async def _time(self) -> None:
        while (elapsed := time.monotonic() - self._began_at) < self._seconds or (
            elapsed < self._seconds + EXTRA_SECONDS and not self._has_measured
        ):
            is_warm = max(elapsed / self._seconds, self._client.used_share) >= WARM_UP_SHARE
            if is_warm and self._warm is None:
                stats = self._dispatcher.stats
                round_trips = stats.round_trips.copy()
                self._warm = _WarmUp(time.monotonic(), stats.attempts, stats.throttled, round_trips)
            await asyncio.sleep(_LOOK_SECONDS)
        self._dispatcher.stop("the time of the cell is up")

    @property
    def _has_measured(self) -> bool:
        """Whether an event that was sent after the warm-up is accepted."""
        return self._warm is not None and max(self._accepted.starts, default=0.0) > self._warm.at

    def _on_outcome(self, kind: OutcomeKind, started_at: float) -> None:
        if kind is OutcomeKind.ACCEPTED:
            self._accepted.add(started_at)
        elif kind is OutcomeKind.THROTTLED:
            self._throttled.add(started_at)

    def _result(self) -> CellResult:
        stats, warm = self._dispatcher.stats, self._warm
        if warm is None or not self._accepted.starts:
            return CellResult(self._cell, failed=stats.failed, ended_by=self._ended_by)
        round_trips = stats.round_trips.since(warm.round_trips)
        latency = round_trips.percentiles()
        is_slow = (latency.p95 or 0.0) / 1e3 > SLOW_SHARE * (time.monotonic() - warm.at)
        throttled_at = self._throttled.ends if is_slow else self._throttled.starts
        accepted_at = self._accepted.ends if is_slow else self._accepted.starts
        start, end = measured_stretch(warm.at, sorted(throttled_at), sorted(accepted_at))
        accepted = sum(start < at <= end for at in accepted_at)
        return CellResult(
            self._cell,
            seconds=end - start,
            accepted=accepted,
            attempted=stats.attempts - warm.attempts,
            throttled=stats.throttled - warm.throttled,
            failed=stats.failed,
            events_per_second=accepted / (end - start) if end > start else 0.0,
            limit_per_second=self._governor.learned_rate,
            latency=latency,
            ended_by=self._ended_by,
        )


def measured_stretch(
    warm_at: float, throttled_at: Sequence[float], accepted_at: Sequence[float]
) -> tuple[float, float]:
    """Return the period over which the rate is measured: the acceptances in it are counted.

    When a request is throttled, the quota is used up. Between two throttles, the service accepts exactly what
    the quota grants in that time, whatever burst it admitted before.

    Args:
        warm_at: The end of the warm-up.
        throttled_at: Start times of throttled attempts, in order.
        accepted_at: Start times of accepted attempts, in order, not empty.
    """
    last = accepted_at[-1]
    whole_seconds = last - warm_at
    warm = bisect_right(throttled_at, warm_at)
    before, after = throttled_at[:warm][-1:], throttled_at[warm:]
    pairs = [(start, after[-1]) for start in (*after[:1], *before) if after]
    for start, end in (*pairs, *((start, last) for start in after[:1])):
        accepted = bisect_right(accepted_at, end) - bisect_right(accepted_at, start)
        has_many = accepted >= MANY_EVENTS and end - start >= SHORT_SHARE * whole_seconds
        if has_many or (accepted and end - start >= LONG_SHARE * whole_seconds):
            return start, end
    return warm_at, last
