"""The quota of events per second: a token bucket, or a count per second of the clock.

Rules kept here:

1. Pure: ``now`` is an argument in seconds that never decreases.
2. A refused call does not use the quota.
"""

from loader.emulator.settings import QuotaSettings


class Quota:
    """Admits calls up to ``settings.rate`` per second, and ``settings.burst`` at once.

    Args:
        settings: The rate and the shape of the quota.
        now: Start time in seconds; the bucket is full then.
    """

    def __init__(self, settings: QuotaSettings, now: float) -> None:
        self._rate = settings.rate
        self._capacity = settings.capacity
        self._per_second_window = settings.per_second_window
        self._tokens = self._capacity
        self._filled_at = now

    def take(self, now: float) -> float:
        """Admit a call, or return how long to wait.

        Returns:
            0.0 if the call is admitted; otherwise seconds until a call can be admitted.
        """
        rate = self._rate
        if rate is None:
            return 0.0
        if self._per_second_window:
            return self._take_from_window(now)
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / rate

    def _take_from_window(self, now: float) -> float:
        if int(now) != int(self._filled_at):
            self._tokens = self._capacity
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return int(now) + 1 - now
