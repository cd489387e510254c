"""Probe timing while the service throttles everything: one probe at a time, with exponential backoff."""

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

    def was_short(self, now: float) -> bool:
        """Return whether the block was too short to be an outage."""
        return now - self._began_at < SHORT_SECONDS
