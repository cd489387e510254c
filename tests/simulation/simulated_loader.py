"""A loader without events and sockets: its governor and its in-flight cap are the real ones.

It does what the dispatcher does: asks the governor, sleeps as long as that says, starts an attempt. Its
timers are late by up to a tick, its loop may stall, and its lanes, its cap and its events may run out.
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
    """Return when somebody who stands still at times gets to what is due at ``time``.

    Args:
        time: Seconds.
        stalls: (every, for), in seconds, or None for never.
    """
    if stalls is not None:
        every, seconds = stalls
        into_period = time % every
        if into_period < seconds:
            return time - into_period + seconds
    return time


@dataclass(frozen=True, slots=True)
class LoaderPlan:
    """What a simulated loader does and what holds it back; times in seconds.

    Attributes:
        start: When it begins.
        lanes: Attempts it can have under way at most.
        max_in_flight: Setting of the in-flight cap.
        offered_rate: Events per second it has to send.
        idle: Stretches (from, until) without any.
        learned_rate: From an earlier load.
        reached_rate: The same, if that met no limit.
        timer_seconds: Resolution of its timers.
        stalls: (every, for): its event loop stands still.
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
    """One attempt on its way."""

    loader: "SimulatedLoader"
    epoch: int
    started_at: float
    fate: Fate = Fate.ACCEPTED


def new_governor(plan: LoaderPlan) -> RateController:
    """Return the controller of real loads."""
    return Governor(now=plan.start, learned_rate=plan.learned_rate, reached_rate=plan.reached_rate)


class SimulatedLoader:
    """Starts attempts whenever governor, cap, lanes and plan allow it.

    Args:
        plan: What it does.
        send: Puts an attempt on its way.
        wake_at: Sets a timer that calls ``wake``.
        new_controller: Makes its rate controller.

    Attributes:
        accepted_at: When the service accepted attempts.
        throttled_at: When it throttled them.
        failed_at: When they failed otherwise.
        rates: Samples of the allowed rate: (when, events per second).
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
        self._wakes_at = math.inf

    def begin(self) -> None:
        """Set the first timer."""
        self._sleep_until(self._plan.start, -math.inf)

    def wake(self, now: float) -> None:
        """Go on after a timer, unless it was replaced by an earlier one."""
        if now >= self._wakes_at:
            self._wakes_at = math.inf
            self._start_attempts(now)

    def answer(self, attempt: Attempt, now: float, retry_after_seconds: float | None) -> None:
        """Take in an answer and go on."""
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
        if not self.rates or now >= self.rates[-1][0] + RATE_SAMPLE_SECONDS:
            self.rates.append((now, self.governor.rate))
        self._start_attempts(now)

    def awake_at(self, time: float) -> float:
        """Return when the event loop gets to what is due at ``time``."""
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
