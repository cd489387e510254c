"""The horizon: the number of the first window whose events may not be sent before the next lease renewal.

After a machine is lost, only events below its horizon can have been sent. Without a horizon, every event of
the rest of a load would be in doubt when its last copy is older than the life of a token.
"""

import math
import threading
from concurrent.futures import Future

from loader.errors import LoaderError

LEAST_AHEAD = 64
"""Minimum number of windows between the load and its horizon. A faster load has a more distant horizon."""


class Horizon:
    """The horizon of a running load; any thread may use it.

    Args:
        published: The horizon in the lease in S3.
        ahead_seconds: Time for which the load must be able to continue without a renewal.
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
        """Whether the load will reach the horizon soon."""
        return self._wanted > self._published

    def ask(self, window: int) -> Future[None] | None:
        """Request to send events of a window.

        Returns:
            A future that is resolved when they may be sent, or None if they may be sent now.
        """
        with self._changed:
            if self._latest < 0:
                self._latest_then = window  # a resumed load starts in the middle
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
        """Return the horizon for the next renewal.

        Args:
            seconds: Time since the last renewal.
        """
        with self._changed:
            per_second = (self._latest - self._latest_then) / max(1.0, seconds)
            self._ahead = max(LEAST_AHEAD, math.ceil(per_second * self._ahead_seconds))
            self._wanted = max(self._wanted, self._latest + self._ahead)
            self._latest_then = self._latest
            return self._wanted

    def published(self, horizon: int) -> None:
        """Record the horizon in the lease in S3."""
        with self._changed:
            self._published = max(self._published, horizon)
            allowed = [future for window, future in self._waiting if window < self._published]
            self._waiting = [each for each in self._waiting if each[0] >= self._published]
        for future in allowed:
            future.set_result(None)

    def refuse(self, error: LoaderError) -> None:
        """Refuse every request that waits."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.set_exception(error)
