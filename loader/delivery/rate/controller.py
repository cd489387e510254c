"""The protocol of rate controllers: the methods that a delivery calls.

`loader.delivery.rate.governor` is the implementation. ``tests/simulation`` has plain AIMD and plain CUBIC as
siblings, which run through the same scenarios for comparison.
"""

from typing import Protocol


class RateController(Protocol):
    """Decides when an attempt may start. All times are monotonic seconds."""

    @property
    def rate(self) -> float:
        """Events per second that are allowed now."""

    @property
    def is_learning(self) -> bool:
        """Whether no limit was found yet, so that the rate still grows fast."""

    def wait_seconds(self, now: float) -> float:
        """Return 0 if an attempt may start, else the seconds until one may if no answer arrives before."""

    def start(self, now: float) -> int:
        """Record that an attempt starts; ``wait_seconds`` must have returned 0. Return its number, from 1."""

    def accepted(self, now: float, number: int, /) -> None:
        """Record that the service accepted an attempt."""

    def answered(self, now: float, number: int, /) -> None:
        """Record any other end of an attempt."""

    def throttled(self, now: float, number: int, retry_after_seconds: float | None = None, /) -> None:
        """Record that the service throttled an attempt, with its Retry-After in seconds if it sent one."""
