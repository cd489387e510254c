"""The common part of the circuit breakers. While one is open, one attempt at a time is sent: the probe."""

import math


class ProbedBreaker:
    """A circuit breaker that is tested by probes.

    Attributes:
        is_open: Whether the lanes are paused. Only the breaker itself changes it.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._pause_seconds = 0.0
        self._probe_at = 0.0
        self._probing = False
        self._old_news_until = -math.inf

    def wait_seconds(self, now: float) -> float:
        """Return the seconds until an attempt may start; infinite while a probe is in flight."""
        if not self.is_open:
            return 0.0
        return math.inf if self._probing else max(self._probe_at - now, 0.0)

    def start(self) -> None:
        """Record that an attempt starts. While the breaker is open, this attempt is the probe."""
        self._probing = self.is_open

    def _open(self, now: float, first_probe_seconds: float) -> None:
        """Pause the lanes. Answers to attempts from before are stale."""
        self.is_open = True
        self._old_news_until = now
        self._pause_seconds = first_probe_seconds
        self._probe_again(now)

    def _probe_again(self, now: float) -> None:
        """Send the next probe after the same pause."""
        self._probe_at = now + self._pause_seconds

    def _probe_later(self, now: float, longest_probe_seconds: float) -> None:
        """Send the next probe after a pause that is twice as long, up to a limit."""
        self._pause_seconds = min(2 * self._pause_seconds, longest_probe_seconds)
        self._probe_again(now)
