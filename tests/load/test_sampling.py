"""Samples over time: bounded, complete, continued over runs."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.checkpoint.samples import (
    FIRST_PERIOD_SECONDS,
    MOST_SAMPLES,
    StoredSample,
    read_samples,
    write_samples,
)
from loader.checkpoint.schema import create_tables
from loader.latency import Latencies
from loader.loading.running.sampling import Sampler
from loader.report import Snapshot
from tests.thoroughness import examples

LOOK_SECONDS = 0.25


class Table:
    """The samples as a checkpoint keeps them: a real SQLite table."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        create_tables(self.connection)

    def take(self, sampler: Sampler, *, at_end: bool = False) -> None:
        """Write what a sampler wants written."""
        unwritten = sampler.unwritten(at_end=at_end)
        if unwritten is not None:
            samples, replace_all = unwritten
            write_samples(self.connection, samples, replace_all=replace_all)

    @property
    def samples(self) -> list[StoredSample]:
        """What was written."""
        return read_samples(self.connection)


def run(table: Table, looks: int, *, before: int = 0, ended: bool = True) -> Latencies:
    """One run of a load that accepts ten events between two looks, after ``before`` in earlier runs."""
    sampler = Sampler(Snapshot(events_accepted=before), table.samples)
    latencies = Latencies()
    for look in range(1, looks + 1):
        for _ in range(10):
            latencies.add(0.04)
        now = Snapshot(
            events_accepted=before + 10 * look,
            attempts=11 * look,
            throttled=look,
            limiting="rate",
            rate_limit=40.0,
            seconds=LOOK_SECONDS * look,
        )
        sampler.observe(now, latencies)
        table.take(sampler)
    if ended:
        table.take(sampler, at_end=True)
    return latencies


@settings(max_examples=examples(10, 50))
@given(looks=st.lists(st.integers(1, 1_500), min_size=1, max_size=3))
def test_no_count_is_lost_however_long_the_load(looks):
    """Over runs of any length the sums are those of the load, and the table stays bounded and in order."""
    table, before = Table(), 0
    for number in looks:
        run(table, number, before=before)
        before += 10 * number
    samples = table.samples
    assert len(samples) <= MOST_SAMPLES
    assert sum(sample.accepted for sample in samples) == before
    assert sum(sample.attempted for sample in samples) == 11 * sum(looks)
    assert sum(sum(sample.round_trips.values()) for sample in samples) == before
    assert sum(sample.limits["rate"] for sample in samples) == pytest.approx(LOOK_SECONDS * sum(looks))
    ends = [0.0, *(sample.start_seconds + sample.seconds for sample in samples)]
    assert [sample.start_seconds for sample in samples] == pytest.approx(ends[:-1])
    assert [sample.number for sample in samples] == list(range(len(samples)))


def test_a_load_of_two_seconds_has_a_sample_for_each_look():
    """Short loads can be drawn too."""
    table = Table()
    run(table, 8)
    assert [sample.seconds for sample in table.samples] == [pytest.approx(FIRST_PERIOD_SECONDS)] * 8


def test_ten_days_are_some_hundred_samples_of_one_length():
    """A long load has periods of one length, except at the ends of runs."""
    table = Table()
    sampler, latencies = Sampler(Snapshot()), Latencies()
    for minute in range(1, 10 * 24 * 60 + 1):
        sampler.observe(Snapshot(events_accepted=minute, seconds=60.0 * minute), latencies)
        table.take(sampler)
    table.take(sampler, at_end=True)
    samples = table.samples
    assert MOST_SAMPLES / 2 <= len(samples) <= MOST_SAMPLES
    assert sum(sample.accepted for sample in samples) == 10 * 24 * 60
    assert len({round(sample.seconds) for sample in samples[:-1]}) == 1


def test_a_kill_loses_a_second_at_most():
    """Samples that are older than a second are in the table, although the run was killed."""
    for looks in range(5, 40):
        table = Table()
        run(table, looks, ended=False)
        written = sum(sample.seconds for sample in table.samples)
        assert written >= LOOK_SECONDS * looks - 1.0 - 1e-9


def test_counts_of_earlier_runs_are_not_counted_again():
    """A resumed run begins at the counts it was given."""
    sampler, table = Sampler(Snapshot(events_accepted=500, rows_rejected=7)), Table()
    sampler.observe(Snapshot(events_accepted=503, rows_rejected=8, attempts=3, seconds=0.3), Latencies())
    table.take(sampler, at_end=True)
    (sample,) = table.samples
    assert (sample.accepted, sample.rejected_rows, sample.attempted) == (3, 1, 3)
