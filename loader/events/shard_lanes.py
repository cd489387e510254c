"""The division of lanes among shards. It is the same in every process, version and order of planning.

The shard of a group follows from the CRC-32 of its name. The shard of a bucket follows from its number, so
that each of 16 shards gets four of 64 buckets.
"""

import polars as pl

from loader.events.packing import bucket_numbers, group_hashes
from loader.job import Shard


def lanes_of_shard(groups: pl.Series, buckets: int | None, shard: Shard) -> pl.Series:
    """Return the groups that a shard delivers, as booleans.

    Args:
        groups: The groups of the records, before they are spread over buckets.
        buckets: Number of buckets over which they are spread, or None for a lane per group.
        shard: The shard.
    """
    numbers = group_hashes(groups) if buckets is None else bucket_numbers(groups, buckets)
    return numbers % shard.of == shard.number - 1
