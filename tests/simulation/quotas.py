"""The limiters of services: each decides which attempts are admitted. Times are in seconds."""

import math
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QuotaSchedule:
    """A quota that changes: steps of (from second, events per second), in order of time."""

    steps: tuple[tuple[float, float], ...]

    def at(self, now: float) -> float:
        """Return the quota in events per second."""
        quota = 0.0
        for begins, value in self.steps:
            if begins > now:
                break
            quota = value
        return quota

    def events(self, begins: float, ends: float) -> float:
        """Return how many events the quota allows between two times."""
        edges = [*(step[0] for step in self.steps[1:]), math.inf]
        return sum(
            quota * max(min(ends, until) - max(begins, since), 0.0)
            for (since, quota), until in zip(self.steps, edges, strict=True)
        )


class Quota(Protocol):
    """A limiter."""

    def admits(self, now: float) -> bool:
        """Return whether an attempt that arrives at ``now`` is admitted."""


@dataclass(slots=True)
class TokenBucketQuota:
    """A limiter as AWS uses it: tokens arrive at the rate of the quota, and up to ``burst`` are saved."""

    schedule: QuotaSchedule
    burst: float
    _tokens: float = field(init=False)
    _filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.burst = max(self.burst, 1.0)
        self._tokens = self.burst

    def admits(self, now: float) -> bool:
        """Take a token if one is available."""
        quota = self.schedule.at(now)
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * quota)
        self._filled_at = now
        if quota <= 0 or self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True


@dataclass(slots=True)
class WindowQuota:
    """A fixed number of events in each second of the wall clock. The seconds begin at ``offset``."""

    schedule: QuotaSchedule
    offset: float = 0.37
    _window: int = -1
    _admitted: int = 0

    def admits(self, now: float) -> bool:
        """Count an attempt in its second."""
        window = math.floor(now + self.offset)
        if window != self._window:
            self._window, self._admitted = window, 0
        if self._admitted >= self.schedule.at(now):
            return False
        self._admitted += 1
        return True


@dataclass(slots=True)
class NginxQuota:
    """``limit_req`` with ``nodelay``: a leaky bucket in whole milliseconds and thousandths of a request.

    As in ngx_http_limit_req_module: the excess leaks at the quota's rate, and an attempt that would raise it
    above the burst is refused and not counted.
    """

    schedule: QuotaSchedule
    burst: float
    _excess: int = 0
    _last_ms: int | None = None

    def admits(self, now: float) -> bool:
        """Add an attempt to the excess if it fits."""
        now_ms = int(now * 1000)
        if self._last_ms is None:
            self._last_ms = now_ms
            return True
        elapsed_ms = now_ms - self._last_ms
        leaked = int(self.schedule.at(now) * 1000) * elapsed_ms // 1000
        excess = max(self._excess - leaked + 1000, 0)
        if excess > self.burst * 1000:
            return False
        self._excess = excess
        if elapsed_ms:
            self._last_ms = now_ms
        return True
