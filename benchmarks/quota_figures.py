"""How well a client held a quota: from the server's answers to numbers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from benchmarks.answers import OK, THROTTLED, Answer

TRACKED_SHARE = 0.97
"""Share of a new quota from which on a client counts as having found it."""

TRACKED_THROTTLED = 0.02
"""Share of requests that may be throttled for that."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a server answered in each second, counted from its first answer.

    Attributes:
        accepted: Requests it took.
        throttled: Requests it refused.
    """

    accepted: Sequence[int]
    throttled: Sequence[int]


def per_second(answers: Iterable[Answer], began: float, seconds: int) -> Rates:
    """Return the answers of each second.

    Args:
        answers: The answers.
        began: When the first second begins, in epoch seconds.
        seconds: How many seconds.
    """
    counts = {OK: [0] * seconds, THROTTLED: [0] * seconds}
    for answer in answers:
        second = floor(answer.at - began)
        if 0 <= second < seconds and answer.status in counts:
            counts[answer.status][second] += 1
    return Rates(counts[OK], counts[THROTTLED])


def goodput_share(rates: Rates, quota: Sequence[float], first_second: int = 0) -> float:
    """Return how much of what the quota allowed was accepted, from a second on.

    It can be a little above 1: what a quota allows as a burst comes on top of its rate.
    """
    return sum(rates.accepted[first_second:]) / sum(quota[first_second:])


def throttled_share(rates: Rates, first_second: int = 0) -> float:
    """Return the share of requests that were throttled, from a second on."""
    throttled = sum(rates.throttled[first_second:])
    return throttled / max(1, throttled + sum(rates.accepted[first_second:]))


def tracked_after(rates: Rates, quota: Sequence[float], changed_at: int) -> int | None:
    """Return how many seconds after a change the new quota was held from then on; None if it never was."""
    # The last seconds alone would prove little.
    for second in range(changed_at, len(quota) - 5):
        held = goodput_share(rates, quota, second) >= TRACKED_SHARE
        if held and throttled_share(rates, second) <= TRACKED_THROTTLED:
            return second - changed_at
    return None


def jains_index(shares: Sequence[float]) -> float:
    """Return Jain's index of fairness: 1 if all are equal, 1/n if one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
