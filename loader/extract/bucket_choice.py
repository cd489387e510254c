"""How many buckets the groups of a packed load are spread over, where the user names no number.

    lanes needed = rate x round trip            or fewer, so that each bucket has some full events

Rules kept here:

1. The choice is a function of the extract's first rows, its size and the job. It is kept with the plan, and a
   later load in the same run directory takes it from there.
2. Without ``--group-buckets`` groups keep their names unless they are so small that most events would be far
   from full. A small extract keeps them too: it makes few calls anyway.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loader.model import MAX_EVENT_BYTES

ASSUMED_EVENTS_PER_SECOND = 50.0
"""The rate where none is given or remembered: a process plans 25 to 40 MiB/s of full events, less."""

_ROUND_TRIP_SECONDS = 0.3
"""How long a call with a full event is assumed to take: 0.1 s, and a megabyte over 40 Mbit/s."""

FEWEST, MOST = 8, 64
"""Bounds for the lanes: fewer are held up by one slow call, more leave half-empty events at window ends."""

EVENTS_PER_BUCKET = 4
"""At least so many events of each bucket, where the extract is large enough: the last one is half empty."""

SMALL_EXTRACT_BYTES = 4 * 2**20

UNSEEN_SHARE = 0.05
"""If more of the sampled records than this share are alone in their groups, most groups are not in the
sample (Good-Turing)."""


@dataclass(frozen=True, slots=True)
class GroupSample:
    """Some records of an extract.

    Attributes:
        groups: The group of each.
        total_bytes: About how many bytes all records of the extract have.
    """

    groups: Sequence[str]
    total_bytes: int

    @property
    def group_bytes(self) -> float:
        """About how many bytes a group has; 0 if there are more groups than the sample can tell."""
        counts = Counter(self.groups)
        alone = sum(count == 1 for count in counts.values())
        if not counts or alone > UNSEEN_SHARE * len(self.groups):
            return 0.0
        return self.total_bytes / len(counts)


def buckets_for(sample: GroupSample, rate: float) -> int:
    """Return how many buckets to spread the groups over: a power of two.

    Args:
        sample: Some records.
        rate: Events per second that the load may send.
    """
    needed = min(MOST, max(FEWEST, _power_of_two(rate * _ROUND_TRIP_SECONDS)))
    full = sample.total_bytes // (EVENTS_PER_BUCKET * MAX_EVENT_BYTES)
    while needed > max(1, full):
        needed //= 2
    return needed


def should_spread(sample: GroupSample) -> bool:
    """Return whether groups are so small that they are to be spread although the user did not ask for it."""
    return sample.total_bytes > SMALL_EXTRACT_BYTES and sample.group_bytes < MAX_EVENT_BYTES


def _power_of_two(number: float) -> int:
    """Return the lowest power of two that is not below a number."""
    return 1 << max(0, int(number - 1e-9)).bit_length()
