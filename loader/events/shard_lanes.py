"""Which shard delivers which lane: the same in every process, version and order of planning.

A lane of a group belongs to a shard by the CRC-32 of its name. A bucket belongs to one by its number, so that
64 buckets over 16 shards are four for each.
"""

import polars as pl

from loader.events.packing import bucket_numbers, group_hashes
from loader.job import Shard


def lanes_of_shard(groups: pl.Series, buckets: int | None, shard: Shard) -> pl.Series:
    """Return which groups a shard delivers, as booleans.

    Args:
        groups: The groups that records ask for, before they are spread over buckets.
        buckets: Number of buckets that they are spread over, or None for a lane for each group.
        shard: The shard.
    """
    numbers = group_hashes(groups) if buckets is None else bucket_numbers(groups, buckets)
    return numbers % shard.of == shard.number - 1
