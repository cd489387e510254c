"""Latency histograms: compared with sorting all samples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.latency import Latencies, Percentiles

SECONDS = st.floats(2e-5, 9e4)


def histogram(samples: list[float]) -> Latencies:
    """A histogram of samples in seconds."""
    latencies = Latencies()
    for sample in samples:
        latencies.add(sample)
    return latencies


def nearest_rank(samples: list[float], share: float) -> float:
    """The quantile that sorting gives, in milliseconds."""
    return sorted(samples)[max(1, math.ceil(share * len(samples))) - 1] * 1e3


@given(st.lists(SECONDS, min_size=1, max_size=300))
def test_percentiles_are_within_three_per_cent_of_sorting(samples):
    """Whatever the samples, a percentile is off by less than 3 %, and the maximum is exact."""
    found = histogram(samples).percentiles()
    for share, figure in ((0.50, found.p50), (0.95, found.p95), (0.99, found.p99)):
        assert figure == pytest.approx(nearest_rank(samples, share), rel=0.03)
    assert found.max == max(samples) * 1e3


@given(st.lists(SECONDS, max_size=50), st.lists(SECONDS, max_size=50))
def test_histograms_add_up_and_take_apart(first, second):
    """Two merged histograms are one of all samples; what came since a copy is the second alone."""
    both = histogram(first)
    before = both.copy()
    both.merge(histogram(second))
    assert both.as_json() == histogram(first + second).as_json()
    assert both.percentiles() == histogram(first + second).percentiles()
    recent = both.since(before)
    assert recent.as_json() == histogram(second).as_json()
    assert recent.count == len(second)


@given(st.lists(SECONDS, max_size=50))
def test_json_keeps_every_count(samples):
    """A histogram read back from its JSON gives the same figures."""
    kept = histogram(samples)
    read = Latencies.from_json(kept.as_json(), kept.max_seconds)
    assert (read.percentiles(), read.count) == (kept.percentiles(), len(samples))


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-9, 1e6, 1e9])
def test_samples_outside_all_buckets_are_counted(seconds):
    """A sample that is negative, tiny or endless is in the first or last bucket, never lost."""
    assert histogram([seconds]).count == sum(histogram([seconds]).as_json().values()) == 1


def test_without_samples_there_are_no_figures():
    """No sample: no number is made up."""
    assert Latencies().percentiles() == Percentiles(None, None, None, None)
    assert set(Latencies().percentiles().as_json().values()) == {None}


def test_an_unknown_bucket_is_refused():
    """Counts of another version's buckets are not read as this one's."""
    with pytest.raises(ValueError, match="no bucket"):
        Latencies.from_json({"100000": 1}, 1.0)
