"""The emulator's clock: real time that tests can move.

The clock has two parts. ``advance`` ages client tokens and events and refills the quota, but does not age
signatures. ``skew_seconds`` is the error of the clients' clocks: it shifts the ``Date`` header and the time
used to check signatures. While it is 0, the ``Date`` header follows ``advance``, because a client computes
the age of things from that header.
"""

import time
from email.utils import formatdate


class EmulatorClock:
    """Epoch seconds since the emulator started, on a monotonic base.

    Attributes:
        skew_seconds: Seconds by which the time of signatures is ahead of real time.
    """

    def __init__(self, skew_seconds: float = 0.0) -> None:
        self.skew_seconds = skew_seconds
        self._advanced_seconds = 0.0
        self._offset_seconds = time.time() - time.monotonic()
        self._date_second = -1
        self._date = ""

    def now(self) -> float:
        """Return the time for tokens, events and quotas, in epoch seconds."""
        return self._real() + self._advanced_seconds

    def wire_now(self) -> float:
        """Return the time for signatures, in epoch seconds."""
        return self._real() + self.skew_seconds

    def date_now(self) -> float:
        """Return the time of the ``Date`` header, in epoch seconds."""
        return self.wire_now() if self.skew_seconds else self.now()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass for tokens, events and quotas.

        Raises:
            ValueError: ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError("the clock cannot go back")
        self._advanced_seconds += seconds

    def date_header(self) -> str:
        """Return ``date_now`` as the text of a ``Date`` header."""
        second = int(self.date_now())
        if second != self._date_second:
            self._date_second = second
            self._date = formatdate(second, usegmt=True)
        return self._date

    def _real(self) -> float:
        return self._offset_seconds + time.monotonic()
