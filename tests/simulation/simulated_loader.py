"""A loader without events and sockets. Its governor and its in-flight cap are the real ones.

It works like the dispatcher: it asks the governor, sleeps for the returned time, and starts an attempt. Its
timers are late by up to a tick, its event loop may stall, and lanes, cap or events may limit it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.rate.controller import RateController
from loader.delivery.rate.governor import Governor

RATE_SAMPLE_SECONDS = 0.1


def after_stall(time: float, stalls: tuple[float, float] | None) -> float:
    """Return the time at which a process with regular stalls handles a timer of ``time``.

    Args:
        time: Seconds.
        stalls: (period, duration) in seconds, or None without stalls.
    """
    if stalls is not None:
        every, seconds = stalls
        into_period = time % every
        if into_period < seconds:
            return time - into_period + seconds
    return time


@dataclass(frozen=True, slots=True)
class LoaderPlan:
    """The settings and limits of a simulated loader; times in seconds.

    Attributes:
        start: Start time.
        lanes: Maximum number of attempts in flight.
        max_in_flight: Setting of the in-flight cap.
        offered_rate: Events per second that are available.
        idle: Intervals (from, until) without events.
        learned_rate: Limit that an earlier load learned, or None.
        reached_rate: Rate that an earlier load reached without a limit, or None.
        timer_seconds: Resolution of the timers.
        stalls: (period, duration) of stalls of the event loop, or None.
    """

    start: float = 0.0
    lanes: int = 1_000_000
    max_in_flight: int = 4096
    offered_rate: float = math.inf
    idle: tuple[tuple[float, float], ...] = ()
    learned_rate: float | None = None
    reached_rate: float | None = None
    timer_seconds: float = 0.001
    stalls: tuple[float, float] | None = None


class Fate(Enum):
    """The end of an attempt."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    FAILED = "failed"


@dataclass(slots=True)
class Attempt:
    """One attempt in flight: on its way to the service without a fate, and then on its way back."""

    loader: "SimulatedLoader"
    epoch: int
    started_at: float
    fate: Fate | None = None


def new_governor(plan: LoaderPlan) -> RateController:
    """Return the controller of real loads."""
    return Governor(now=plan.start, learned_rate=plan.learned_rate, reached_rate=plan.reached_rate)


class SimulatedLoader:
    """Starts attempts whenever governor, cap, lanes and plan allow it.

    Args:
        plan: Its settings.
        send: Sends an attempt.
        wake_at: Sets a timer that calls ``wake``.
        new_controller: Makes its rate controller.

    Attributes:
        accepted_at: Times in seconds at which the service accepted attempts.
        throttled_at: Times of throttles.
        failed_at: Times of other failures.
        rates: Samples of the allowed rate: (time, events per second).
    """

    def __init__(
        self,
        plan: LoaderPlan,
        *,
        send: Callable[[Attempt], None],
        wake_at: Callable[[float, "SimulatedLoader"], None],
        new_controller: Callable[[LoaderPlan], RateController] = new_governor,
    ) -> None:
        self.governor = new_controller(plan)
        self.cap = InFlightCap(maximum=plan.max_in_flight)
        self.accepted_at: list[float] = []
        self.throttled_at: list[float] = []
        self.failed_at: list[float] = []
        self.rates: list[tuple[float, float]] = []
        self._plan = plan
        self._send = send
        self._wake_at = wake_at
        self._in_flight = 0
        self._started = 0
        self._samples_at = -math.inf
        self._wakes_at = math.inf

    def begin(self) -> None:
        """Set the first timer."""
        self._sleep_until(self._plan.start, -math.inf)

    def wake(self, now: float) -> None:
        """Handle a timer, unless an earlier one replaced it."""
        if now >= self._wakes_at:
            self._wakes_at = math.inf
            self._start_attempts(now)

    def answer(self, attempt: Attempt, now: float, retry_after_seconds: float | None) -> None:
        """Handle an answer, and start the next attempts."""
        self._in_flight -= 1
        self.cap.overdue.ended(attempt.epoch)
        if attempt.fate is Fate.ACCEPTED:
            self.governor.accepted(now, attempt.epoch)
            self.cap.succeeded(now, now - attempt.started_at, self.governor.rate)
        elif attempt.fate is Fate.THROTTLED:
            self.governor.throttled(now, attempt.epoch, retry_after_seconds)
        else:
            self.governor.answered(now, attempt.epoch)
            self.cap.troubled(now, attempt.started_at)
        if now >= self._samples_at:
            self._samples_at = now + RATE_SAMPLE_SECONDS
            self.rates.append((now, self.governor.rate))
        self._start_attempts(now)

    def awake_at(self, time: float) -> float:
        """Return the time at which the event loop handles a timer of ``time``."""
        return after_stall(time, self._plan.stalls)

    def _start_attempts(self, now: float) -> None:
        plan = self._plan
        for begins, ends in plan.idle:
            if begins <= now < ends:
                self._sleep_until(ends, now)
                return
        while self._in_flight < min(plan.lanes, self.cap.limit):
            offered_at = plan.start + self._started / plan.offered_rate
            if offered_at > now:
                self._sleep_until(offered_at, now)
                return
            wait_seconds = self.governor.wait_seconds(now)
            if wait_seconds > 0:
                self._sleep_until(now + wait_seconds, now)
                return
            self._started += 1
            self._in_flight += 1
            number = self.governor.start(now)
            self.cap.overdue.started(number)
            self._send(Attempt(self, number, now))

    def _sleep_until(self, time: float, now: float) -> None:
        tick = self._plan.timer_seconds
        time = self.awake_at(max(math.ceil(time / tick - 1e-4) * tick, now + 1e-6))
        if time < self._wakes_at:
            self._wakes_at = time
            self._wake_at(time, self)
