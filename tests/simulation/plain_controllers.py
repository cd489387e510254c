"""Plain AIMD and plain CUBIC, the textbook siblings of the governor, for comparison in the simulation.

Both cut once per congestion epoch, start at the governor's start rate, double per second until the first
throttle, and honour Retry-After. They know nothing of bursts, noise, idle loads or outages.
"""

from loader.delivery.rate.token_bucket import TokenBucket

START_RATE, START_GAIN = 15.0, 1.0
"""Initial events per second, and growth per accepted event until the first throttle."""

AIMD_CUT, AIMD_SECONDS = 0.5, 10.0
"""Cut after a throttle, and time in which the rate grows by the rate of the last cut (TCP Reno halves)."""

CUBIC_CUT, CUBIC_SCALE = 0.7, 0.4
"""Cut after a throttle and scale of the curve, as in RFC 9438, in events per second and seconds."""


class PlainController:
    """The part that AIMD and CUBIC share.

    Args:
        now: Monotonic seconds, as in every method.
        start_rate: Initial events per second.
    """

    def __init__(self, *, now: float, start_rate: float = START_RATE) -> None:
        self._bucket = TokenBucket(start_rate, now=now)
        self._last = self._epoch_began = 0
        self._opens_at = self._cut_at = now
        self._cut_rate = 0.0

    @property
    def rate(self) -> float:
        """Events per second that are allowed now."""
        return self._bucket.rate

    @property
    def is_learning(self) -> bool:
        """Whether nothing was throttled yet."""
        return self._cut_rate == 0.0

    def wait_seconds(self, now: float) -> float:
        """Return 0 if an attempt may start, else the seconds until one may."""
        if self._cut_rate:
            self._bucket.rate = self._rate_at(now - self._cut_at)
        return self._opens_at - now if now < self._opens_at else self._bucket.wait_seconds(now)

    def start(self, now: float) -> int:
        """Take a token; return the attempt's number."""
        self._bucket.take()
        self._last += 1
        return self._last

    def accepted(self, now: float, number: int, /) -> None:
        """Grow while nothing was throttled yet."""
        if not self._cut_rate:
            self._bucket.rate += START_GAIN

    def answered(self, now: float, number: int, /) -> None:
        """Ignore it."""

    def throttled(self, now: float, number: int, retry_after_seconds: float | None = None, /) -> None:
        """Cut once per epoch."""
        if number <= self._epoch_began:
            return
        self._cut_rate = self._bucket.rate
        self._cut_at = now
        self._epoch_began = self._last
        self._opens_at = now + (retry_after_seconds or 0.0)
        self._bucket.rate = self._rate_at(0.0)

    def _rate_at(self, seconds: float) -> float:
        raise NotImplementedError


class PlainAimd(PlainController):
    """Additive increase, multiplicative decrease."""

    def _rate_at(self, seconds: float) -> float:
        return self._cut_rate * (AIMD_CUT + seconds / AIMD_SECONDS)


class PlainCubic(PlainController):
    """The curve of RFC 9438, with the rate at the last cut as its plateau."""

    def _rate_at(self, seconds: float) -> float:
        plateau = self._cut_rate
        period: float = (plateau * (1.0 - CUBIC_CUT) / CUBIC_SCALE) ** (1.0 / 3.0)
        return plateau + CUBIC_SCALE * (seconds - period) ** 3
