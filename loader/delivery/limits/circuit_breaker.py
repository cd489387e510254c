"""The circuit breaker for 402: an exhausted quota pauses every lane, and one probe at a time tests the quota.

Rules kept here:

1. While the breaker is open, at most one attempt is in flight: the probe. Only the answer to the probe
   counts, because answers to attempts from before the breaker opened are stale.
2. The first probe starts after ``first_probe_seconds``. The delay doubles for each further probe, up to
   ``longest_probe_seconds``. An answer without information about the quota does not increase the delay.
3. If the quota is still exhausted ``give_up_seconds`` after the breaker opened, the load should stop.

A quota is not a rate limit. A lower rate does not help, and the service model does not mark 402 as retryable.
"""

from dataclasses import dataclass

from loader.delivery.limits.probed_breaker import ProbedBreaker
from loader.model import OutcomeKind


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Probe timing of the breaker for an exhausted quota.

    Attributes:
        first_probe_seconds: Pause before the first probe.
        longest_probe_seconds: Longest pause between probes.
        give_up_seconds: Time after which probing ends. The user can resume the load later.
    """

    first_probe_seconds: float = 30.0
    longest_probe_seconds: float = 300.0
    give_up_seconds: float = 1800.0


class QuotaBreaker(ProbedBreaker):
    """The circuit breaker for 402 answers."""

    def __init__(self, settings: BreakerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._opened_at = 0.0
        self._exhausted = False

    @property
    def is_exhausted(self) -> bool:
        """Whether the quota has been exhausted for ``give_up_seconds``, so that the load should stop."""
        return self._exhausted

    def answered(self, kind: OutcomeKind, now: float, started_at: float) -> None:
        """Record the answer to an attempt that started at ``started_at`` (monotonic seconds)."""
        if started_at <= self._old_news_until:
            return
        if not self.is_open:
            if kind is OutcomeKind.QUOTA:
                self._opened_at = now
                self._open(now, self._settings.first_probe_seconds)
            return
        self._probing = False
        if kind is OutcomeKind.QUOTA:
            self._still_used_up(now)
        elif kind is OutcomeKind.ACCEPTED or kind is OutcomeKind.REJECTED:
            self.is_open = False
        else:
            self._probe_again(now)

    def _still_used_up(self, now: float) -> None:
        give_up_at = self._opened_at + self._settings.give_up_seconds
        self._exhausted = now >= give_up_at
        self._probe_later(now, self._settings.longest_probe_seconds)
        self._probe_at = min(self._probe_at, max(give_up_at, now))
