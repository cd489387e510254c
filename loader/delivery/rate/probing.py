"""Probes of a service that throttles everything: one at a time, further and further apart."""

FIRST_PROBE_SECONDS = 0.02
"""Until the first probe, if answers come faster than this."""

SHORT_SECONDS = 1.5
"""A quota per second blocks for less than a second; what takes longer is an outage."""


class Probing:
    """The times of the probes.

    Args:
        now: Monotonic seconds at which the service was seen to throttle everything.
        reaction_seconds: How long throttles take to be answered.
        longest_seconds: Between two probes at most.

    Attributes:
        gap_seconds: Between the present probe and the next.
    """

    __slots__ = ("_began_at", "_longest_seconds", "gap_seconds")

    def __init__(self, *, now: float, reaction_seconds: float, longest_seconds: float) -> None:
        self._began_at = now
        self._longest_seconds = longest_seconds
        self.gap_seconds = min(max(2.0 * reaction_seconds, FIRST_PROBE_SECONDS), longest_seconds)

    def fail(self) -> None:
        """Note that a probe was throttled."""
        self.gap_seconds = min(2.0 * self.gap_seconds, self._longest_seconds)

    def was_short(self, now: float) -> bool:
        """Return whether the service took attempts again so soon that it was no outage."""
        return now - self._began_at < SHORT_SECONDS
