"""The samples of several shards as those of one load: by time, with every count, within each period."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checkpoint.samples import StoredSample
from loader.shards.samples import summed


def samples_of(lengths: list[float], accepted_per_second: float) -> list[StoredSample]:
    """Samples of a shard that accepts evenly and is limited by one thing."""
    samples, start, counted = [], 0.0, 0
    for number, seconds in enumerate(lengths):
        total = round((start + seconds) * accepted_per_second)
        samples.append(
            StoredSample(
                number=number,
                start_seconds=start,
                seconds=seconds,
                accepted=total - counted,
                attempted=total - counted,
                rate_allowed=50.0,
                in_flight=2,
                limits={"rate": seconds},
                round_trips={"100": total - counted},
                longest_round_trip_seconds=0.1,
            )
        )
        start, counted = start + seconds, total
    return samples


def test_shards_are_added_by_their_time_not_by_position() -> None:
    """A stalled shard has a longer sample, which does not shift the others: the rate stays even."""
    even, stalled = samples_of([0.25] * 64, 400.0), samples_of([0.25] * 8 + [3.0] + [0.26] * 43, 400.0)
    merged = summed([even, stalled])
    middle = merged[1:-5]
    assert all(each.accepted / each.seconds == pytest.approx(800.0, rel=0.05) for each in middle)
    assert merged[-1].start_seconds + merged[-1].seconds == pytest.approx(16.18)
    assert middle[0].rate_allowed == 100.0
    assert middle[0].in_flight == 4


_SHARDS = st.lists(
    st.lists(st.floats(0.01, 5.0), max_size=30).map(lambda lengths: samples_of(lengths, 37.0)), max_size=4
)


@given(_SHARDS)
def test_no_count_is_lost_and_no_period_is_fuller_than_full(shards: list[list[StoredSample]]) -> None:
    """The sums are those of the shards; periods follow each other; limits fill a period once at most."""
    merged = summed(shards)
    for name in ("accepted", "attempted"):
        assert sum(getattr(each, name) for each in merged) == sum(
            getattr(each, name) for samples in shards for each in samples
        )
    assert sum(sum(each.round_trips.values()) for each in merged) == sum(each.accepted for each in merged)
    at = 0.0
    for each in merged:
        assert each.start_seconds == pytest.approx(at)
        assert sum(each.limits.values()) <= each.seconds * (1 + 1e-6) + 1e-6
        at += each.seconds
    assert at == pytest.approx(max((sum(e.seconds for e in samples) for samples in shards), default=0.0))
