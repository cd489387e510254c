"""What each part of watching costs: the time of one call, and how often a load makes it.

Two whole loads differ by several per cent from round to round, more than watching costs. A call in a loop is
measured to a few per cent of itself.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.folder import EVENT_TYPE
from loader.checkpoint.connections import connect
from loader.checkpoint.samples import SAMPLE_WRITE_SECONDS, StoredSample, write_samples
from loader.checkpoint.schema import create_tables
from loader.latency import Latencies
from loader.loading.running.sampling import Sampler
from loader.loading.running.session import WATCH_SECONDS
from loader.metrics import MetricsFile
from loader.metrics.prometheus import WRITE_SECONDS
from loader.report import Snapshot

LATENCIES_PER_EVENT = 2
"""The round trip of an attempt, and the time from handing over to acceptance."""

CALLS, ROUNDS = 2_000, 9


@dataclass(frozen=True, slots=True)
class Part:
    """The cost of one part.

    Attributes:
        what: Its name in the table.
        call_microseconds: CPU time of a call.
        calls_per_event: Calls for each event.
    """

    what: str
    call_microseconds: float
    calls_per_event: float

    @property
    def event_microseconds(self) -> float:
        """CPU time for each event."""
        return self.call_microseconds * self.calls_per_event


def watching_parts(events_per_second: float, folder: Path) -> list[Part]:
    """Measure each part.

    Args:
        events_per_second: The rate of a load. What is done by the clock is shared out among its events.
        folder: An empty folder.
    """
    rng = random.Random(1)
    seconds = [rng.expovariate(50) for _ in range(CALLS)]
    latencies = Latencies()

    def add_all() -> None:
        for each in seconds:
            latencies.add(each)

    add_microseconds = _cpu_microseconds(add_all, 20) / CALLS
    folder.mkdir(exist_ok=True)
    observed = _samples(latencies, seconds)
    metrics = MetricsFile(folder / "metrics.prom", {"event_type": EVENT_TYPE})
    with closing(connect(folder / "checkpoint.sqlite")) as connection:
        create_tables(connection)
        connection.execute("BEGIN")  # samples are committed together with receipts
        return [
            Part("two latencies added", add_microseconds, LATENCIES_PER_EVENT),
            Part(
                f"percentiles of both, each {WATCH_SECONDS} s",
                _cpu_microseconds(latencies.percentiles, 200) * LATENCIES_PER_EVENT,
                1 / WATCH_SECONDS / events_per_second,
            ),
            Part(
                f"a sample made, each {WATCH_SECONDS} s",
                _cpu_microseconds(lambda: next(observed), 200),
                1 / WATCH_SECONDS / events_per_second,
            ),
            Part(
                f"samples written, each {SAMPLE_WRITE_SECONDS:g} s",
                _cpu_microseconds(lambda: _write(connection, latencies), 200),
                1 / SAMPLE_WRITE_SECONDS / events_per_second,
            ),
            Part(
                f"the metrics file, each {WRITE_SECONDS:g} s",
                _cpu_microseconds(lambda: metrics.write(Snapshot(seconds=1.0)), 200),
                1 / WRITE_SECONDS / events_per_second,
            ),
        ]


def _samples(latencies: Latencies, seconds: Sequence[float]) -> Iterator[None]:
    """Let a sampler observe a load at work, look by look."""
    sampler, number = Sampler(Snapshot()), 0
    while True:
        number += 1
        latencies.add(seconds[number % CALLS])
        now = Snapshot(
            attempts=number, events_accepted=number, limiting="quota", seconds=number * WATCH_SECONDS
        )
        sampler.observe(now, latencies)
        yield


def _write(connection: sqlite3.Connection, latencies: Latencies) -> None:
    """Write the samples of a second."""
    counts = latencies.as_json()
    samples = [
        StoredSample(number=number, start_seconds=0.0, seconds=WATCH_SECONDS, round_trips=counts)
        for number in range(round(SAMPLE_WRITE_SECONDS / WATCH_SECONDS))
    ]
    write_samples(connection, samples, replace_all=False)


def _cpu_microseconds(call: Callable[[], object], times: int) -> float:
    """Return the CPU time of a call, the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            call()
        found.append((time.process_time() - began) / times * 1e6)
    return median(found)
