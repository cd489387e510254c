"""The first steps of every call: the signature check and the fault plan."""

import random
import time
from collections import Counter

from loader.emulator.clock import EmulatorClock
from loader.emulator.faults import FaultPlan, FaultRule, FaultSchedule
from loader.emulator.service.signatures import SignatureCheck, WireRequest
from loader.emulator.settings import EmulatorSettings


class Gate:
    """Refuses unsigned calls and decides which calls fail.

    Args:
        settings: The requirements for signatures, and the first fault plan.
        clock: The emulator's clock.
    """

    def __init__(self, settings: EmulatorSettings, clock: EmulatorClock) -> None:
        self._clock = clock
        self._signatures = SignatureCheck(settings) if settings.verify_signatures else None
        self.set_faults(settings.faults)

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the fault plan; calls are counted from 1 again."""
        self._schedule = FaultSchedule(plan)
        self._set_at = time.monotonic()
        self._calls: Counter[str] = Counter()
        self._draws = random.Random(plan.seed)  # noqa: S311 - repeatable on purpose

    def authenticate(self, request: WireRequest) -> None:
        """Check the signature of a request.

        Raises:
            Refusal: The signature is missing or invalid.
        """
        if self._signatures is not None:
            self._signatures.check(request, self._clock.wire_now(), self._clock.date_now())

    def decide_fault(self, operation: str, attempt: int = 0, group: str = "") -> FaultRule | None:
        """Count a call and return its fault.

        Args:
            operation: The operation.
            attempt: Number of the attempt of its event; 0 without a client token.
            group: Its event group; empty without a group.
        """
        self._calls[operation] += 1
        draw = self._draws.random()
        elapsed_seconds = time.monotonic() - self._set_at
        return self._schedule.decide(
            operation, self._calls[operation], attempt, group, draw, elapsed_seconds=elapsed_seconds
        )
