"""The user's ceiling: an aiolimiter token bucket that returns the wait time instead of sleeping.

Rules kept here:

1. At most ``rate + burst`` attempts take a token in any second.
2. The caller calls ``pay`` only after ``wait_seconds`` returned 0. ``pay`` therefore never suspends, and no
   coroutine sleeps while it holds a token.
"""

from aiolimiter import AsyncLimiter

_TICK_SECONDS = 0.001
"""Resolution of event loop timers (epoll, uvloop). A token may become available later by this time than
computed."""

PAUSE_SECONDS = 1.0
"""Time between the last token of one rate and the first one of another."""


class Ceiling:
    """A token bucket with the user's rate.

    Args:
        rate: Events per second.
        burst: Capacity of the bucket in events, at least 1.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._size = (rate, burst)
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._token_seconds = 1.0 / rate
        self._paid_at = 0.0
        self._changed_at: float | None = None
        self._is_changed = False

    def change(self, rate: float, burst: int) -> None:
        """Set another rate. No attempt starts in the next second, so no second has tokens of both buckets.

        Args:
            rate: Events per second.
            burst: Capacity of the bucket in events, at least 1.
        """
        if (rate, burst) != self._size:
            self._size = (rate, burst)
            self._bucket = AsyncLimiter(burst, burst / rate)
            self._token_seconds = 1.0 / rate
            self._is_changed = True

    def wait_seconds(self, now: float) -> float:
        """Return 0 if a token is available, else an upper bound of the seconds until one is.

        Args:
            now: Monotonic seconds of the event loop's clock.
        """
        if self._is_changed:
            self._is_changed, self._changed_at = False, now
        if self._changed_at is not None and now < self._changed_at + PAUSE_SECONDS:
            return self._changed_at + PAUSE_SECONDS - now
        if self._bucket.has_capacity():
            return 0.0
        # The bucket had a token at the last payment, so the next one arrives at most one token time later.
        return max(self._paid_at + self._token_seconds - now, _TICK_SECONDS)

    async def pay(self, now: float) -> None:
        """Take a token at ``now`` (monotonic seconds)."""
        self._paid_at = now
        await self._bucket.acquire()
