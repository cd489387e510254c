"""The number of buckets for the groups of a packed load, if the user sets no number.

    lanes needed = rate x round trip            or fewer, so that each bucket has some full events

Rules kept here:

1. The choice depends only on the extract's first rows, its size and the job. It is stored with the plan, and
   a later load in the same run directory reuses it.
2. Without ``--group-buckets``, groups keep their names, unless they are so small that most events would be
   far from full. Groups of a small extract keep their names too: it makes few calls anyway.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loader.model import MAX_EVENT_BYTES

ASSUMED_EVENTS_PER_SECOND = 50.0
"""Assumed rate if none is set or remembered: a process plans at most 25 to 40 MiB/s of full events."""

_ROUND_TRIP_SECONDS = 0.3
"""Assumed round trip of a call with a full event: 0.1 s, plus a megabyte over 40 Mbit/s."""

FEWEST, MOST = 8, 64
"""Bounds for the lanes. With fewer, one slow call delays the load; with more, windows end in half-empty
events."""

EVENTS_PER_BUCKET = 4
"""Minimum events per bucket if the extract is large enough: the last event of a bucket is half empty."""

SMALL_EXTRACT_BYTES = 4 * 2**20

UNSEEN_SHARE = 0.05
"""If a larger share of the sampled records is alone in its group, most groups are not in the sample
(Good-Turing)."""


@dataclass(frozen=True, slots=True)
class GroupSample:
    """A sample of an extract's records.

    Attributes:
        groups: The group of each record.
        total_bytes: Approximate bytes of all records of the extract.
    """

    groups: Sequence[str]
    total_bytes: int

    @property
    def group_bytes(self) -> float:
        """Approximate bytes of a group; 0 if the sample has too few of the groups to estimate it."""
        counts = Counter(self.groups)
        alone = sum(count == 1 for count in counts.values())
        if not counts or alone > UNSEEN_SHARE * len(self.groups):
            return 0.0
        return self.total_bytes / len(counts)


def buckets_for(sample: GroupSample, rate: float) -> int:
    """Return the number of buckets: a power of two.

    Args:
        sample: A sample of the records.
        rate: Events per second that the load may send.
    """
    needed = min(MOST, max(FEWEST, _power_of_two(rate * _ROUND_TRIP_SECONDS)))
    full = sample.total_bytes // (EVENTS_PER_BUCKET * MAX_EVENT_BYTES)
    while needed > max(1, full):
        needed //= 2
    return needed


def should_spread(sample: GroupSample) -> bool:
    """Return whether to use buckets although the user did not ask for them: groups are very small."""
    return sample.total_bytes > SMALL_EXTRACT_BYTES and sample.group_bytes < MAX_EVENT_BYTES


def _power_of_two(number: float) -> int:
    """Return the lowest power of two that is at least a number."""
    return 1 << max(0, int(number - 1e-9)).bit_length()
