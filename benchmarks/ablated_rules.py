"""The rules of the rate controller, each with what takes it out.

A rule is taken out by a value or a function that makes it do nothing, for the time of one run.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from loader.delivery.rate import governor, limit_estimate, slow_start, steering
from loader.delivery.rate.bursts import Bursts
from loader.delivery.rate.cubic_curve import CubicCurve
from loader.delivery.rate.limit_estimate import LimitEstimate
from loader.delivery.rate.random_throttles import RandomThrottles
from loader.delivery.rate.throttle_budget import ThrottleBudget


def _no(*_: object, **__: object) -> bool:
    return False


def _nothing(*_: object, **__: object) -> None:
    return None


def _fraction(estimate: LimitEstimate, number: int, rate: float, overflow: float, *, is_due: bool) -> float:  # noqa: ARG001
    return 0.85 * rate


def _one(_: float) -> float:
    return 1.0


def _just_before(estimate: LimitEstimate, number: int, rate: float, _: float) -> float:
    return estimate.high(number, rate)


def _same_gain(rate: float, limit: float, epochs: int, reaction_seconds: float) -> float:  # noqa: ARG001
    return min(slow_start.SEEK_GAIN, slow_start.GAIN_PER_RATE * rate)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        module: The module of loader/delivery/rate that has it.
        about: What it does.
        changes: (object, attribute, value without the rule).
    """

    module: str
    about: str
    changes: tuple[tuple[Any, str, object], ...]

    @contextmanager
    def taken_out(self) -> Iterator[None]:
        """Take the rule out for a time."""
        before = [(where, name, getattr(where, name)) for where, name, _ in self.changes]
        try:
            for where, name, value in self.changes:
                setattr(where, name, value)
            yield
        finally:
            for where, name, value in before:
                setattr(where, name, value)


RULES = {
    "tolerated share": Rule(
        "throttle_budget.py",
        "1.2 % of throttles, and a few by chance, have no effect",
        ((ThrottleBudget, "spend", lambda *_, **__: True),),
    ),
    "chance": Rule(
        "throttle_budget.py",
        "the number of throttles by chance grows with the rate",
        ((governor, "chance", _one),),
    ),
    "rest": Rule(
        "throttle_budget.py", "a rest after each cut", ((governor, "rest_seconds", lambda *_: 0.0),)
    ),
    "random throttles": Rule(
        "random_throttles.py",
        "cuts without effect are reverted",
        ((RandomThrottles, "finds_noise", _nothing),),
    ),
    "throttled bursts": Rule(
        "bursts.py", "a throttled burst shrinks the bucket, not the rate", ((Bursts, "has", _no),)
    ),
    "held-up attempts": Rule("bursts.py", "late throttles change nothing", ((Bursts, "were_held_up", _no),)),
    "probing": Rule(
        "probing.py", "single probes while everything is throttled", ((governor, "REFUSED_TRIES", 10**9),)
    ),
    "cruise": Rule("cubic_curve.py, steering.py", "a known limit is held", ((steering, "AGREED", 10**9),)),
    "longer periods": Rule(
        "cubic_curve.py",
        "fewer probes while the limit is stable",
        ((CubicCurve, "longer_period", lambda curve, *_: curve.period_seconds),),
    ),
    "outgrown limit": Rule(
        "cubic_curve.py", "back to SEEK if nothing is throttled", ((CubicCurve, "is_outgrown", False),)
    ),
    "saturated estimate": Rule(
        "limit_estimate.py",
        "the admitted rate is the limit if much is throttled",
        ((LimitEstimate, "saturated", _nothing),),
    ),
    "estimate between": Rule(
        "limit_estimate.py", "the limit lies between two bounds", ((LimitEstimate, "between", _fraction),)
    ),
    "lower bound": Rule(
        "limit_estimate.py",
        "the rate admitted between throttles",
        ((LimitEstimate, "_low", _nothing),),
    ),
    "ambiguous shares": Rule(
        "limit_estimate.py",
        "small steps if every second attempt is throttled",
        ((limit_estimate, "NO_BURST_SHARES", (2.0, 2.0)),),
    ),
    "estimate beyond": Rule(
        "limit_estimate.py",
        "an estimate of its own for a limit that has increased",
        ((LimitEstimate, "beyond", _just_before),),
    ),
    "settling": Rule(
        "steering.py",
        "the answers in flight at the end of START give an estimate",
        ((steering, "SETTLE_TRIES", 10**9),),
    ),
    "few tries": Rule(
        "steering.py", "START restarts lower if its first attempts fail", ((steering, "FEW_TRIES", 0),)
    ),
    "lower limit": Rule(
        "steering.py",
        "a lower limit is a reason to leave room to others",
        ((steering, "LOWER_FACTOR", 0.0),),
    ),
    "fast return": Rule(
        "steering.py, slow_start.py",
        "fast growth to a limit from before",
        ((steering, "RETURN_GAIN", 0.3),),
    ),
    "fair growth": Rule(
        "slow_start.py", "the growth falls with the rate", ((steering, "seek_gain", _same_gain),)
    ),
    "faster START": Rule("slow_start.py", "twice as fast from 200/s on", ((slow_start, "FASTER_GAIN", 1.0),)),
    "idle load": Rule(
        "governor.py", "no growth while the load is the bottleneck", ((governor, "IDLE_SHARE", math.inf),)
    ),
}
"""The rules by name."""
