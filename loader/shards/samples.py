"""The samples of several shards as those of one load.

Rules kept here:

1. Pure. Samples are added by their time, not by their position: a shard with a busy processor takes longer
   samples than the others.
2. No count is lost or made up: the sums are those of the shards.
3. The seconds of the limiting factors are the mean of the shards, so they never exceed the period.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

from loader.checkpoint.samples import StoredSample

_COUNTS = ("attempted", "accepted", "throttled", "retried", "failed", "rejected_rows")


def summed(shards: Sequence[Sequence[StoredSample]]) -> list[StoredSample]:
    """Return the sums of the samples of all shards, aligned at the start of each shard.

    The period is the longest of the median periods of the shards. The last period ends with the last shard.
    """
    filled = [samples for samples in shards if samples]
    if not filled:
        return []
    end = max(_end(samples[-1]) for samples in filled)
    period = max(median(sample.seconds for sample in samples) for samples in filled) or end or 1.0
    periods = [_Period(number, period) for number in range(max(math.ceil(end / period - 1e-9), 1))]
    for samples in filled:
        _spread(samples, periods, period)
    return [each.sample(min(period, end - each.number * period)) for each in periods]


class _Period:
    """The sums of one period."""

    def __init__(self, number: int, period: float) -> None:
        self.number = number
        self._start = number * period
        self.counts: Counter[str] = Counter()
        self.limits: defaultdict[str, float] = defaultdict(float)
        self.round_trips: Counter[str] = Counter()
        self.longest_seconds = 0.0
        self.last: list[StoredSample] = []

    def add(self, sample: StoredSample, since: float, until: float) -> None:
        """Add the part of a sample between two shares of it, 0..1."""
        for name in _COUNTS:
            count = getattr(sample, name)
            self.counts[name] += round(count * until) - round(count * since)
        for name, seconds in sample.limits.items():
            self.limits[name] += seconds * (until - since)

    def sample(self, seconds: float) -> StoredSample:
        """Return the sums as a sample that lasts the given seconds."""
        allowed = [each.rate_allowed for each in self.last if each.rate_allowed is not None]
        shards = max(len(self.last), 1)
        return StoredSample(
            number=self.number,
            start_seconds=self._start,
            seconds=seconds,
            rate_allowed=sum(allowed) if allowed else None,
            in_flight=sum(each.in_flight for each in self.last),
            held_bytes=sum(each.held_bytes for each in self.last),
            limits={name: total / shards for name, total in self.limits.items()},
            round_trips=dict(self.round_trips),
            longest_round_trip_seconds=self.longest_seconds,
            **{name: self.counts[name] for name in _COUNTS},
        )


def _spread(samples: Sequence[StoredSample], periods: Sequence[_Period], length: float) -> None:
    """Add the samples of one shard to the periods of a length in seconds."""
    latest: dict[int, StoredSample] = {}
    for sample in samples:
        first = min(int(sample.start_seconds / length + 1e-9), len(periods) - 1)
        last = min(max(int(_end(sample) / length - 1e-9), first), len(periods) - 1)
        done = 0.0
        for period in periods[first : last + 1]:
            is_last = period.number == last
            share = 1.0 if is_last else _share(sample, (period.number + 1) * length)
            period.add(sample, done, share)
            latest[period.number] = sample
            done = share
        middle = periods[(first + last) // 2]
        middle.round_trips.update(sample.round_trips)
        middle.longest_seconds = max(middle.longest_seconds, sample.longest_round_trip_seconds)
    for number, sample in latest.items():
        periods[number].last.append(sample)


def _share(sample: StoredSample, until_seconds: float) -> float:
    """Return the share of a sample that is before a time."""
    return min(max((until_seconds - sample.start_seconds) / max(sample.seconds, 1e-9), 0.0), 1.0)


def _end(sample: StoredSample) -> float:
    return sample.start_seconds + sample.seconds
