"""Work with S3 that is tried again for a limited time, at the start of a load."""

import time
from collections.abc import Callable
from typing import TypeVar

from loader.remote.answers import Unreachable

T = TypeVar("T")

_REACH_SECONDS = 30.0
"""Maximum time that a start tries to reach S3."""

_RETRY_SECONDS = 1.0


class Reach:
    """Retries work with S3 for a limited time.

    Args:
        is_stopping: Whether the load must end. The work is then not repeated.
    """

    def __init__(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._is_stopping = is_stopping

    def __call__(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns.

        Raises:
            Unreachable: S3 gave no usable response for _REACH_SECONDS.
        """
        until = time.monotonic() + _REACH_SECONDS
        while True:
            try:
                return work()
            except Unreachable:
                if time.monotonic() >= until or self._is_stopping():
                    raise
                time.sleep(_RETRY_SECONDS)
