"""Probe timing while the service throttles everything: one probe at a time, with exponential backoff."""

REFUSED_TRIES, REFUSED_SECONDS = 8, 0.01
"""The service throttles everything if at least this many attempts in a row, over at least this time, were all
throttled."""

BLOCK_LOOK_BACK_SECONDS, BLOCK_LOOK_BACK_TRIES = 1.0, 16.0
"""Look-back interval for the limit of a service that throttles everything: a full second of quota, or at low
rates this many tries, half of them before the refused ones."""

FIRST_PROBE_SECONDS = 0.02
"""Minimum delay before the first probe. The delay is longer if answers take longer."""

SHORT_SECONDS = 1.5
"""Longest block that is not an outage. A quota per second blocks for less than a second."""


class Probing:
    """The times of the probes.

    Args:
        now: Monotonic seconds at which the block was detected.
        reaction_seconds: Latency of throttles.
        longest_seconds: Longest time between two probes.

    Attributes:
        gap_seconds: Time between the current probe and the next one.
    """

    __slots__ = ("_began_at", "_longest_seconds", "gap_seconds")

    def __init__(self, *, now: float, reaction_seconds: float, longest_seconds: float) -> None:
        self._began_at = now
        self._longest_seconds = longest_seconds
        self.gap_seconds = min(max(2.0 * reaction_seconds, FIRST_PROBE_SECONDS), longest_seconds)

    def fail(self) -> None:
        """Record that a probe was throttled, and double the gap up to its maximum."""
        self.gap_seconds = min(2.0 * self.gap_seconds, self._longest_seconds)

    def is_short_block(self, now: float) -> bool:
        """Return whether the block was too short to be an outage."""
        return now - self._began_at < SHORT_SECONDS


def look_back_seconds(rate: float) -> float:
    """Return the look-back interval in seconds for the limit, at ``rate`` events per second."""
    return max(BLOCK_LOOK_BACK_SECONDS, BLOCK_LOOK_BACK_TRIES / rate)
