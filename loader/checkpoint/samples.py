"""Samples of a load over time: a table of limited size that survives kills.

Rules kept here:

1. The table has at most MOST_SAMPLES rows. When it is full, adjacent rows are added in pairs and the period
   doubles. So three days take about as many rows as three minutes, and no count is lost.
2. The row of the current period is rewritten as it grows, so a kill loses at most SAMPLE_WRITE_SECONDS.
3. Time counts only while the load runs. A resumed run continues at the time at which the last run ended.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import orjson

Number = TypeVar("Number", int, float)

MOST_SAMPLES = 512
FIRST_PERIOD_SECONDS = 0.25
"""Period of the first samples. A load of two seconds has eight of them."""

SAMPLE_WRITE_SECONDS = 1.0
"""Interval at which the row of the current period is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """One period of a load.

    Attributes:
        number: Position in the table, from 0.
        start_seconds: Duration of all runs before the period, in seconds.
        seconds: Its duration.
        attempted: HTTP requests.
        accepted: Events accepted.
        throttled: Attempts throttled.
        retried: Attempts that were not the first of their event.
        failed: Events failed.
        rejected_rows: Rows rejected.
        rate_allowed: Events per second that the rate controller allowed at the end of the period, or None.
        in_flight: Attempts in flight at the end of the period.
        held_bytes: Bytes of events in memory at the end of the period.
        limits: Seconds of the period by limiting factor.
        round_trips: Histogram of its round-trip times, as `latency.Latencies` writes it.
        longest_round_trip_seconds: The longest round-trip time.
    """

    number: int
    start_seconds: float
    seconds: float
    attempted: int = 0
    accepted: int = 0
    throttled: int = 0
    retried: int = 0
    failed: int = 0
    rejected_rows: int = 0
    rate_allowed: float | None = None
    in_flight: int = 0
    held_bytes: int = 0
    limits: Mapping[str, float] = field(default_factory=dict)
    round_trips: Mapping[str, int] = field(default_factory=dict)
    longest_round_trip_seconds: float = 0.0


_COUNTS = ("attempted", "accepted", "throttled", "retried", "failed", "rejected_rows")
_COLUMNS = (
    *("number", "start_seconds", "seconds", *_COUNTS, "rate_allowed", "in_flight", "held_bytes"),
    *("limits", "round_trips", "longest_round_trip_seconds"),
)
_JSON = ("limits", "round_trips")
_INSERT = f"INSERT OR REPLACE INTO samples VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - only marks
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM samples ORDER BY number"  # noqa: S608 - constants


def merged(first: StoredSample, second: StoredSample) -> StoredSample:
    """Return the sum of two consecutive samples."""
    counts = {name: getattr(first, name) + getattr(second, name) for name in _COUNTS}
    return replace(
        second,
        number=first.number,
        start_seconds=first.start_seconds,
        seconds=first.seconds + second.seconds,
        held_bytes=max(first.held_bytes, second.held_bytes),
        limits=_added(first.limits, second.limits),
        round_trips=_added(first.round_trips, second.round_trips),
        longest_round_trip_seconds=max(first.longest_round_trip_seconds, second.longest_round_trip_seconds),
        **counts,
    )


def halved(samples: Sequence[StoredSample]) -> list[StoredSample]:
    """Return the sums of adjacent samples in pairs, numbered from 0."""
    pairs = [samples[at : at + 2] for at in range(0, len(samples), 2)]
    return [
        replace(merged(*pair) if len(pair) > 1 else pair[0], number=number)
        for number, pair in enumerate(pairs)
    ]


def write_samples(
    connection: sqlite3.Connection, samples: Iterable[StoredSample], *, replace_all: bool
) -> None:
    """Write samples. ``replace_all`` deletes all others first.

    Raises:
        sqlite3.Error: The write failed.
    """
    if replace_all:
        connection.execute("DELETE FROM samples")
    connection.executemany(_INSERT, [_values(sample) for sample in samples])


def read_samples(connection: sqlite3.Connection) -> list[StoredSample]:
    """Return all samples in chronological order.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    return [_sample(row) for row in connection.execute(_SELECT)]


def _values(sample: StoredSample) -> tuple[object, ...]:
    return tuple(
        orjson.dumps(getattr(sample, name)).decode() if name in _JSON else getattr(sample, name)
        for name in _COLUMNS
    )


def _sample(row: Sequence[object]) -> StoredSample:
    values = dict(zip(_COLUMNS, row, strict=True))
    return StoredSample(**(values | {name: orjson.loads(str(values[name])) for name in _JSON}))  # type: ignore[arg-type] # columns of the table


def _added(first: Mapping[str, Number], second: Mapping[str, Number]) -> dict[str, Number]:
    both = dict(first)
    for name, number in second.items():
        both[name] = both[name] + number if name in both else number
    return both
