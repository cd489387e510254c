"""A token bucket whose rate may change at any time: one token is one attempt.

Rules kept here:

1. Over any time, at most ``rate * time`` tokens and one bucketful are taken.
2. The bucketful follows the rate and is small: what is saved up goes out as a burst, and a service that
   allows no burst throttles all of it.
3. Tokens that overflow are counted: they tell a load that is held back by its rate from one that is not.
"""

BURST_SECONDS = 0.05
"""How long the event loop may be late and lose nothing: it stalls for tens of milliseconds when a window
is read."""

MIN_BURST_SECONDS = 0.005
"""Timers of event loops are late by one to a few milliseconds at any time."""

SHRINK, RECOVERY_PER_SECOND = 0.7, 0.02
"""What a burst that was throttled does to the bucket, and what time does."""

SPARE_TOKENS = 1.25
"""At low rates the bucket holds one token and a part: a timer that is late does not cost an attempt, and two
attempts never go at once."""

_ROUNDING = 1e-6


class TokenBucket:
    """Tokens that arrive at a rate.

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
        """Return 0 if a token is there, else how long until it is."""
        tokens = self._refill(now)
        return 0.0 if tokens >= 1.0 - _ROUNDING else (1.0 - tokens) / self.rate

    def take(self) -> None:
        """Take a token of those that were there when ``wait_seconds`` was asked last."""
        self._tokens -= 1.0

    def empty(self, until: float) -> None:
        """Drop what is saved; tokens arrive again from ``until`` on."""
        self._tokens = self._overflow = 0.0
        self._refilled_at = until

    def take_overflow(self, now: float) -> float:
        """Return how many tokens nobody took and the bucket could not hold, since this was asked last."""
        self._refill(now)
        overflow, self._overflow = self._overflow, 0.0
        return overflow

    def shrink(self) -> None:
        """Save less: a burst was too much for the service."""
        self._burst_seconds = max(SHRINK * self._burst_seconds, MIN_BURST_SECONDS)

    def recover(self, seconds: float) -> None:
        """Save a little more again, up to BURST_SECONDS."""
        self._burst_seconds = min(self._burst_seconds * (1.0 + RECOVERY_PER_SECOND * seconds), BURST_SECONDS)

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
