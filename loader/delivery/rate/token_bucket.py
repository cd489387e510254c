"""A token bucket whose rate may change at any time. One token is one attempt.

Rules kept here:

1. Over any interval the load takes at most ``rate * time`` tokens plus the capacity of the bucket.
2. The capacity is proportional to the rate and small. Saved tokens leave as a burst, and a service without a
   burst allowance throttles the whole burst.
3. The bucket counts overflowing tokens. They show whether the rate limits the load.
"""

BURST_SECONDS = 0.05
"""Event loop delay that costs no token. The event loop stalls for tens of milliseconds while a window is
read."""

MIN_BURST_SECONDS = 0.005
"""Lower bound of the burst, because timers of event loops are regularly late by a few milliseconds."""

SHRINK = 0.7
"""Factor for the burst size after a throttled burst."""

SPARE_TOKENS = 1.25
"""Capacity at low rates: one token and a quarter. A late timer then costs no attempt, and two attempts never
start at the same time."""

_ROUNDING = 1e-6


class TokenBucket:
    """A token bucket.

    Attributes:
        rate: Tokens per second; may be set at any time.
    """

    __slots__ = ("_burst_seconds", "_overflow", "_refilled_at", "_tokens", "rate")

    def __init__(self, rate: float, *, now: float) -> None:
        self.rate = rate
        self._burst_seconds = BURST_SECONDS
        self._tokens = 1.0
        self._refilled_at = now
        self._overflow = 0.0

    def wait_seconds(self, now: float) -> float:
        """Return 0 if a token is available, else the seconds until one is."""
        tokens = self._refill(now)
        return 0.0 if tokens >= 1.0 - _ROUNDING else (1.0 - tokens) / self.rate

    def take(self) -> None:
        """Take a token. The last call of ``wait_seconds`` must have returned 0."""
        self._tokens -= 1.0

    def empty(self, until: float) -> None:
        """Drop the saved tokens; new tokens arrive from ``until`` (monotonic seconds) on."""
        self._tokens = self._overflow = 0.0
        self._refilled_at = until

    def take_overflow(self, now: float) -> float:
        """Return how many tokens overflowed since the last call."""
        self._refill(now)
        overflow, self._overflow = self._overflow, 0.0
        return overflow

    def shrink(self) -> None:
        """Reduce the burst size after the service throttled a burst."""
        self._burst_seconds = max(SHRINK * self._burst_seconds, MIN_BURST_SECONDS)

    def _refill(self, now: float) -> float:
        elapsed = now - self._refilled_at
        if elapsed > 0.0:
            self._refilled_at = now
            tokens = self._tokens + elapsed * self.rate
            capacity = SPARE_TOKENS + self._burst_seconds * self.rate
            if tokens > capacity:
                self._overflow += tokens - capacity
                tokens = capacity
            self._tokens = tokens
        return self._tokens
