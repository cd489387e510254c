"""The division of lanes among shards."""

import polars as pl
import pytest

from loader.events.packing import bucket_numbers
from loader.events.shard_lanes import lanes_of_shard
from loader.job import Shard

GROUPS = pl.Series("group", [f"order-{number}" for number in range(1000)])


@pytest.mark.parametrize("buckets", [None, 16, 64])
@pytest.mark.parametrize("of", [1, 3, 16])
def test_each_group_belongs_to_one_shard(buckets: int | None, of: int) -> None:
    """No group is left out, and none is delivered twice."""
    owners = [lanes_of_shard(GROUPS, buckets, Shard(number=number, of=of)) for number in range(1, of + 1)]
    assert pl.DataFrame([each.alias(str(n)) for n, each in enumerate(owners)]).sum_horizontal().to_list() == [
        1
    ] * len(GROUPS)


def test_buckets_are_divided_evenly() -> None:
    """Each of 16 shards delivers four of 64 buckets."""
    numbers = bucket_numbers(GROUPS, 64)
    for number in range(1, 17):
        own = lanes_of_shard(GROUPS, 64, Shard(number=number, of=16))
        assert len(set(numbers.filter(own))) == 4
