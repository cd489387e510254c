"""The circuit breaker for a closed path: something on the path, not the service, refuses requests.

The path leads from this machine to the service. It includes proxies, firewalls and load balancers.

Rules kept here:

1. The breaker opens after ALIKE refusals in a row without an answer of the service in between.
2. While the breaker is open, at most one attempt is in flight: the probe. Any answer of the service to a
   probe closes the breaker. Answers to attempts from before the breaker opened are stale and ignored.
3. The first probe starts after ``first_probe_seconds``. The delay doubles for each further probe, up to
   ``longest_probe_seconds``. `loader.delivery.troubles` decides when to give up.
4. If the service has not answered yet, the load should stop after ALIKE refusals with one cause over
   START_SECONDS, or after a single refusal that is certain: the path was never open. After a first answer of
   the service, the same refusals are an outage, and the load waits for its end.
"""

from dataclasses import dataclass

from loader.delivery.limits.probed_breaker import ProbedBreaker
from loader.model import Outcome, OutcomeKind
from loader.service.path_faults import path_fault

ALIKE = 8
"""Consecutive refusals that indicate a closed path. A content filter rarely causes as many in a row."""

START_SECONDS = 3.0
"""Minimum duration of the refusals at the start of a load. A restarting load balancer refuses requests for a
second or two."""


@dataclass(frozen=True, slots=True)
class PathBreakerSettings:
    """Probe timing of the breaker for a closed path.

    Attributes:
        first_probe_seconds: Pause before the first probe.
        longest_probe_seconds: Longest pause between probes.
    """

    first_probe_seconds: float = 0.5
    longest_probe_seconds: float = 10.0


class PathBreaker(ProbedBreaker):
    """The circuit breaker for refusals between this machine and the service.

    Attributes:
        was_path_open: Whether the service has answered in this run.
        is_calm: Whether an acceptance would not change the state of the breaker.
    """

    def __init__(self, settings: PathBreakerSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or PathBreakerSettings()
        self.was_path_open = False
        self.is_calm = False
        self._in_a_row = 0
        self._first_at = 0.0
        self._code = ""
        self._is_alike = True
        self._events: set[str] = set()

    @property
    def events(self) -> int:
        """Number of different events refused since the last answer of the service, at most ALIKE."""
        return len(self._events)

    def withdrawn(self) -> None:
        """Record that a started attempt was not sent."""
        self._probing = False

    def answered(self, outcome: Outcome, token: str, now: float, started_at: float) -> bool:
        """Record the outcome of an attempt.

        Args:
            outcome: The outcome.
            token: The token of the event.
            now: Monotonic seconds.
            started_at: Start time of the attempt in monotonic seconds.

        Returns:
            Whether the load should stop because the path was never open.
        """
        if outcome.of_service:
            self.was_path_open = True
        if started_at <= self._old_news_until:
            return False
        if self.is_open:
            self._probing = False
        if outcome.kind is OutcomeKind.BLOCKED:
            return self._refused(outcome.code, token, now)
        if outcome.of_service:
            self._close()
        elif self.is_open:
            self._probe_again(now)
        return False

    def _refused(self, code: str, token: str, now: float) -> bool:
        self.is_calm = False
        self._is_alike = self._is_alike and code == (self._code or code)
        self._code = code
        if not self._in_a_row:
            self._first_at = now
        self._in_a_row += 1
        if len(self._events) < ALIKE:
            self._events.add(token)
        fault = path_fault(code)
        is_certain = fault is not None and fault.is_certain
        if self.is_open:
            self._probe_later(now, self._settings.longest_probe_seconds)
        elif is_certain or self._in_a_row >= ALIKE:
            self._open(now, self._settings.first_probe_seconds)
        is_lasting = self._in_a_row >= ALIKE and now - self._first_at >= START_SECONDS
        return (is_certain or is_lasting) and self._is_alike and not self.was_path_open

    def _close(self) -> None:
        self.is_open = False
        self.is_calm = True
        self._in_a_row = 0
        self._code = ""
        self._is_alike = True
        self._events.clear()
