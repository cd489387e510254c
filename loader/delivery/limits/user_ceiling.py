"""The user's ceiling: an aiolimiter bucket that says how long to wait instead of sleeping.

Rules kept here:

1. Over any second at most ``rate + burst`` attempts are paid for.
2. ``pay`` is only called when ``wait_seconds`` said 0, and so it never suspends: nobody sleeps with a
   token in hand.
"""

from aiolimiter import AsyncLimiter

_TICK_SECONDS = 0.001
"""Resolution of event loop timers (epoll, uvloop): a token that is there by arithmetic may be this late."""


class Ceiling:
    """At most ``rate`` attempts a second, and ``burst`` of them at once.

    Args:
        rate: Events per second.
        burst: Size of the bucket, at least 1.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._bucket = AsyncLimiter(burst, burst / rate)
        self._token_seconds = 1.0 / rate
        self._paid_at = 0.0

    def wait_seconds(self, now: float) -> float:
        """Return 0 if a token is there, else how long until one is, at most.

        Args:
            now: Monotonic seconds, of the event loop's clock.
        """
        if self._bucket.has_capacity():
            return 0.0
        # A bucket that had a token for the last payment has the next one a token's time later or sooner.
        return max(self._paid_at + self._token_seconds - now, _TICK_SECONDS)

    async def pay(self, now: float) -> None:
        """Take a token."""
        self._paid_at = now
        await self._bucket.acquire()
