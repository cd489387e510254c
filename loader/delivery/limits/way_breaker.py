"""The breaker for a way that is closed: requests that something other than the service refuses.

Rules kept here:

1. It opens when ALIKE refusals came in a row, without an answer of the service between them.
2. While it is open at most one attempt, the probe, is under way. Any answer of the service to a probe closes
   it; the answers to attempts that were let go earlier are old news.
3. Probes go out after ``first_probe_seconds``, then after twice as long each time, up to
   ``longest_probe_seconds``. How long to go on is not decided here (`loader.delivery.troubles`).
4. Before the service has answered at all, ALIKE refusals with one cause over START_SECONDS (or a single one
   that is certain) say that the way was never open: the load should stop. Later the same is an outage, which
   is waited for.
"""

import math
from dataclasses import dataclass

from loader.model import Outcome, OutcomeKind
from loader.service.way_faults import way_fault

ALIKE = 8
"""Refusals in a row that are taken for a closed way: more than a filter on content meets by chance."""

START_SECONDS = 3.0
"""A load balancer that restarts just when a load begins answers for a second or two."""


@dataclass(frozen=True, slots=True)
class WaySettings:
    """How patiently a closed way is probed.

    Attributes:
        first_probe_seconds: Pause before the first probe.
        longest_probe_seconds: Longest pause between probes.
    """

    first_probe_seconds: float = 0.5
    longest_probe_seconds: float = 10.0


class WayBreaker:
    """Whether attempts may start, as far as refusals on the way to the service go.

    Attributes:
        is_open: Whether the lanes are paused. For others to read only.
        was_open_way: Whether the service has answered anything in this run.
        is_calm: Whether an acceptance would change nothing here.
    """

    def __init__(self, settings: WaySettings | None = None) -> None:
        self._settings = settings or WaySettings()
        self.is_open = False
        self.was_open_way = False
        self.is_calm = False
        self._in_a_row = 0
        self._first_at = 0.0
        self._code = ""
        self._is_alike = True
        self._events: set[str] = set()
        self._pause_seconds = 0.0
        self._probe_at = 0.0
        self._probing = False
        self._old_news_until = -math.inf

    @property
    def events(self) -> int:
        """How many different events met the refusals since the last answer of the service; ALIKE at most."""
        return len(self._events)

    def wait_seconds(self, now: float) -> float:
        """Return how long until an attempt may start; infinite while a probe is under way."""
        if not self.is_open:
            return 0.0
        return math.inf if self._probing else max(self._probe_at - now, 0.0)

    def start(self) -> None:
        """Note that an attempt starts: while the breaker is open it is the probe."""
        self._probing = self.is_open

    def withdrawn(self) -> None:
        """Note that an attempt that had started was never sent."""
        self._probing = False

    def answered(self, outcome: Outcome, token: str, now: float, started_at: float) -> bool:
        """Take in what an attempt came to.

        Args:
            outcome: What it came to.
            token: The token of its event.
            now: Monotonic seconds.
            started_at: When it started.

        Returns:
            Whether the load should stop: the way was never open.
        """
        if outcome.of_service:
            self.was_open_way = True
        if started_at <= self._old_news_until:
            return False
        if self.is_open:
            self._probing = False
        if outcome.kind is OutcomeKind.BLOCKED:
            return self._refused(outcome.code, token, now)
        if outcome.of_service:
            self._close()
        elif self.is_open:
            self._probe_at = now + self._pause_seconds
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
        fault = way_fault(code)
        is_certain = fault is not None and fault.is_certain
        if self.is_open:
            self._pause_seconds = min(2 * self._pause_seconds, self._settings.longest_probe_seconds)
            self._probe_at = now + self._pause_seconds
        elif is_certain or self._in_a_row >= ALIKE:
            self.is_open = True
            self._old_news_until = now
            self._pause_seconds = self._settings.first_probe_seconds
            self._probe_at = now + self._pause_seconds
        is_lasting = self._in_a_row >= ALIKE and now - self._first_at >= START_SECONDS
        return (is_certain or is_lasting) and self._is_alike and not self.was_open_way

    def _close(self) -> None:
        self.is_open = False
        self.is_calm = True
        self._in_a_row = 0
        self._code = ""
        self._is_alike = True
        self._events.clear()
