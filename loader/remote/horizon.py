"""How far a load may go before its lease is renewed again: the windows whose events may be sent.

After a machine is lost, only events below its horizon can have been sent. Without one, every event of the
rest of a load would be in doubt once its last copy is older than a token lives.
"""

import math
import threading
from concurrent.futures import Future

from loader.errors import LoaderError

LEAST_AHEAD = 64
"""Windows that the horizon is ahead of the load, at least. That of a faster load is further ahead."""


class Horizon:
    """The horizon of a running load; any thread may use it.

    Args:
        published: What the lease in S3 says already.
        ahead_seconds: How long the load is to go on without a renewal.
        changed: Notified when a renewal is wanted.
    """

    def __init__(self, published: int, ahead_seconds: float, changed: threading.Condition) -> None:
        self._published = self._wanted = published
        self._ahead_seconds = ahead_seconds
        self._changed = changed
        self._ahead = LEAST_AHEAD
        self._latest = self._latest_then = -1
        self._waiting: list[tuple[int, Future[None]]] = []

    @property
    def is_due(self) -> bool:
        """Whether the load will soon come to the horizon."""
        return self._wanted > self._published

    def ask(self, window: int) -> Future[None] | None:
        """Ask to send events of a window; return what is resolved when they may go; None if they may now."""
        with self._changed:
            if self._latest < 0:
                self._latest_then = window  # a load that goes on begins in the middle
            self._latest = max(self._latest, window)
            if window + self._ahead // 2 >= self._wanted:
                self._wanted = window + self._ahead
                self._changed.notify_all()
            if window < self._published:
                return None
            future: Future[None] = Future()
            self._waiting.append((window, future))
            return future

    def next(self, seconds: float) -> int:
        """Return what the next renewal is to say.

        Args:
            seconds: Since the last one.
        """
        with self._changed:
            per_second = (self._latest - self._latest_then) / max(1.0, seconds)
            self._ahead = max(LEAST_AHEAD, math.ceil(per_second * self._ahead_seconds))
            self._wanted = max(self._wanted, self._latest + self._ahead)
            self._latest_then = self._latest
            return self._wanted

    def published(self, horizon: int) -> None:
        """Take note of what the lease in S3 says now."""
        with self._changed:
            self._published = max(self._published, horizon)
            allowed = [future for window, future in self._waiting if window < self._published]
            self._waiting = [each for each in self._waiting if each[0] >= self._published]
        for future in allowed:
            future.set_result(None)

    def refuse(self, error: LoaderError) -> None:
        """Let no event be sent any more for which that was asked."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.set_exception(error)
