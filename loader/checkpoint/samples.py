"""Samples of a load over time: a table that stays small however long the load is, and survives kills.

Rules kept here:

1. The table has at most MOST_SAMPLES rows. When it is full, neighbours are added together in pairs and the
   period doubles, so three days take about as many rows as three minutes. No count is lost by that.
2. The row of the running period is written again as it grows: a kill loses SAMPLE_WRITE_SECONDS at most.
3. Time is the load's own: a resumed run goes on where the last one ended, without the pause in between.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import orjson

Number = TypeVar("Number", int, float)

MOST_SAMPLES = 512
FIRST_PERIOD_SECONDS = 0.25
"""A load of two seconds has eight samples."""

SAMPLE_WRITE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSample:
    """One period of a load.

    Attributes:
        number: Position in the table, from 0.
        start_seconds: Seconds of work before it, over all runs.
        seconds: How long it is.
        attempted: HTTP requests.
        accepted: Events accepted.
        throttled: Attempts throttled.
        retried: Attempts that were not the first of their event.
        failed: Events failed.
        rejected_rows: Rows rejected.
        rate_allowed: Events per second that the rate controller allowed at its end, or None.
        in_flight: Attempts under way at its end.
        held_bytes: Bytes of events held in memory at its end.
        limits: Seconds of the period by what limited the load.
        round_trips: Round trips of its attempts, as `latency.Latencies` writes them.
        longest_round_trip_seconds: The longest of them.
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
    """Return one sample for two that follow each other."""
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


def together(samples: Sequence[StoredSample], number: int) -> StoredSample:
    """Return one sample for those of several shards at the same time.

    Args:
        samples: One of each shard, one at least.
        number: Its position.
    """
    first, *others = samples
    for each in others:
        allowed = [rate for rate in (first.rate_allowed, each.rate_allowed) if rate is not None]
        first = replace(
            merged(first, each),
            start_seconds=min(first.start_seconds, each.start_seconds),
            seconds=max(first.seconds, each.seconds),
            rate_allowed=sum(allowed) if allowed else None,
            in_flight=first.in_flight + each.in_flight,
            held_bytes=first.held_bytes + each.held_bytes,
        )
    return replace(first, number=number)


def halved(samples: Sequence[StoredSample]) -> list[StoredSample]:
    """Return the samples added together in pairs, numbered from 0."""
    pairs = [samples[at : at + 2] for at in range(0, len(samples), 2)]
    return [
        replace(merged(*pair) if len(pair) > 1 else pair[0], number=number)
        for number, pair in enumerate(pairs)
    ]


def write_samples(
    connection: sqlite3.Connection, samples: Iterable[StoredSample], *, replace_all: bool
) -> None:
    """Write samples; ``replace_all`` removes every other one first.

    Raises:
        sqlite3.Error: The disk, or the file, refused.
    """
    if replace_all:
        connection.execute("DELETE FROM samples")
    connection.executemany(_INSERT, [_values(sample) for sample in samples])


def read_samples(connection: sqlite3.Connection) -> list[StoredSample]:
    """Return all samples in the order of time.

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
