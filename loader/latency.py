"""Latency histograms: a sample costs one addition, and a percentile has an error of at most 2.5 %.

A library histogram costs at least 2.5 us per sample, and an event has two of them. Both are 6 % of the
processor time of an event in row mode.
Histograms of several runs or shards can be added.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

GROWTH = 1.05
"""Ratio of the bounds of a bucket. The error of a value is at most half of that: sqrt(1.05) - 1 = 2.5 %."""

SHORTEST_SECONDS = 1e-5
LONGEST_SECONDS = 1e5
"""Range of the buckets; values outside count in the first or last bucket. Tokens live 28,800 s."""

_SCALE = 1 / math.log(GROWTH)
_FIRST = math.floor(math.log(SHORTEST_SECONDS) * _SCALE)
_OFFSET = float(-_FIRST)
_log = math.log  # without the look-up in the module, for each event
_BUCKETS = math.ceil(math.log(LONGEST_SECONDS) * _SCALE) - _FIRST + 1


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latencies in milliseconds; None without samples."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """Return the figures by name, rounded to a microsecond."""
        figures = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.max}
        return {name: None if value is None else round(value, 3) for name, value in figures.items()}


NO_LATENCIES = Percentiles()


class Latencies:
    """A histogram of durations.

    Attributes:
        max_seconds: The exact maximum.
    """

    __slots__ = ("_counts", "max_seconds")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.max_seconds = 0.0

    @property
    def count(self) -> int:
        """Number of samples."""
        return sum(self._counts)

    def add(self, seconds: float) -> None:
        """Add a sample. A negative one, from a clock that was set back, counts as the shortest."""
        if SHORTEST_SECONDS < seconds < LONGEST_SECONDS:
            self._counts[int(_log(seconds) * _SCALE + _OFFSET)] += 1
        else:
            self._counts[0 if seconds <= SHORTEST_SECONDS else -1] += 1
        if seconds > self.max_seconds:  # noqa: PLR1730 - max() costs a call, for each event
            self.max_seconds = seconds

    def merge(self, other: "Latencies") -> None:
        """Add all samples of another histogram."""
        self._counts = [mine + theirs for mine, theirs in self._pairs(other)]
        self.max_seconds = max(self.max_seconds, other.max_seconds)

    def since(self, earlier: "Latencies") -> "Latencies":
        """Return the samples added after ``earlier`` was copied from this histogram.

        Their maximum is exact if it is also the maximum of all samples; otherwise it is exact to a bucket.
        """
        recent = Latencies()
        recent._counts = [now - then for now, then in self._pairs(earlier)]
        filled = [number for number, count in enumerate(recent._counts) if count]
        if self.max_seconds > earlier.max_seconds:
            recent.max_seconds = self.max_seconds
        else:
            recent.max_seconds = min(_middle(filled[-1]), self.max_seconds) if filled else 0.0
        return recent

    def copy(self) -> "Latencies":
        """Return a copy of the histogram."""
        copied = Latencies()
        copied.merge(self)
        return copied

    def percentiles(self) -> Percentiles:
        """Return the usual percentiles in milliseconds."""
        total = self.count
        if not total:
            return Percentiles()
        p50, p95, p99 = (self._quantile(share, total) * 1e3 for share in (0.50, 0.95, 0.99))
        return Percentiles(p50, p95, p99, self.max_seconds * 1e3)

    def as_json(self) -> dict[str, int]:
        """Return the counts of the buckets that are not empty, by number, for `from_json`."""
        return {str(number): count for number, count in enumerate(self._counts) if count}

    @classmethod
    def from_json(cls, counts: Mapping[str, int], max_seconds: float) -> "Latencies":
        """Return the histogram that `as_json` described.

        Raises:
            ValueError: A bucket does not exist.
        """
        read = cls()
        read.add_json(counts, max_seconds)
        return read

    def add_json(self, counts: Mapping[str, int], max_seconds: float) -> None:
        """Add the samples of a histogram that `as_json` described.

        Raises:
            ValueError: A bucket does not exist.
        """
        for name, count in counts.items():
            number = int(name)
            if not 0 <= number < _BUCKETS:
                raise ValueError(f"no bucket {number}")
            self._counts[number] += count
        self.max_seconds = max(self.max_seconds, max_seconds)

    def _pairs(self, other: "Latencies") -> Iterator[tuple[int, int]]:
        return zip(self._counts, other._counts, strict=True)  # noqa: SLF001 - own class

    def _quantile(self, share: float, total: int) -> float:
        """Return the nearest-rank quantile in seconds, of so many samples."""
        rank = max(1, math.ceil(share * total))
        if rank == total:
            return self.max_seconds
        seen = 0
        for number, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                return min(_middle(number), self.max_seconds)
        return self.max_seconds


def _middle(bucket: int) -> float:
    """Return the geometric middle of a bucket in seconds."""
    return math.exp((bucket + _FIRST + 0.5) / _SCALE)
