"""Which records of a window share an event: groups of records, cut into runs that an event can hold.

Rules kept here:

1. The records of a group stay in row order, and each run is filled before the next is begun.
2. No run is larger than an event may be, has more records than asked for, or holds a primary key twice.
3. Python works per run and per repeated key, polars per record. The plain loop over the records, which
   the tests keep as the reference, took 2 us a record.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from zlib import crc32

import polars as pl

from loader.model import MAX_EVENT_BYTES

ARRAY_BRACKETS_BYTES = 2
COMMA_BYTES = 1

JOINED_RECORDS = 8_192
"""Records that are Python objects at a time while they are joined."""


@dataclass(frozen=True, slots=True)
class RecordRun:
    """Records that share an event.

    Attributes:
        rows: Position in the file of each record's row, ascending.
        group: Their group.
        timestamp: That of the last record.
        quoted: One JSON object, or an array of several, in the form of `loader.json_quoting`.
    """

    rows: Sequence[int]
    group: str
    timestamp: str | None
    quoted: bytes = field(repr=False)


def with_buckets(records: pl.DataFrame, buckets: int | None) -> pl.DataFrame:
    """Return records whose groups are spread over so many buckets; as they are if that is None."""
    return records if buckets is None else records.with_columns(group_buckets(records["group"], buckets))


def group_buckets(groups: pl.Series, buckets: int) -> pl.Series:
    """Return the groups that keys belong to when they are spread over so many groups.

    CRC-32 because it is the same in every language and version, and evenly spread over text keys.
    """
    hashes = pl.Series(groups.name, map(crc32, groups.cast(pl.Binary).to_list()), dtype=pl.UInt32)
    names = pl.Series([f"bucket-{bucket}" for bucket in range(buckets)], dtype=pl.String)
    return names.gather(hashes % buckets).alias(groups.name)


def shared_runs(records: pl.DataFrame, max_records: int | None) -> list[RecordRun]:
    """Return the runs of a window's records, ordered by their first row.

    Args:
        records: The columns that `WindowRecords.frame` has.
        max_records: Most records of a run, or None for as many as fit.
    """
    laid = _laid_by_group(records)
    cuts = [*_cuts(laid, max_records), laid.height]
    ends = laid.select(
        pl.col("group").gather(cuts[:-1]),
        pl.col("timestamp").gather([cut - 1 for cut in cuts[1:]]),
    )
    runs = [
        RecordRun(rows, group, timestamp, quoted)
        for (rows, quoted), (group, timestamp) in zip(_joined(laid, cuts), ends.iter_rows(), strict=True)
    ]
    return sorted(runs, key=lambda run: run.rows[0])


def count_runs(records: pl.DataFrame, max_records: int | None) -> int:
    """Return how many runs `shared_runs` would make of the records."""
    return sum(1 for _ in _cuts(_laid_by_group(records), max_records))


def _laid_by_group(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records group by group, each in row order: seven times as fast as to sort them."""
    places = records.select("group", pl.int_range(pl.len()).alias("place"))
    grouped = places.group_by("group", maintain_order=True).agg("place").explode("place")
    return records.select(pl.all().gather(grouped["place"]))


def _cuts(laid: pl.DataFrame, max_records: int | None) -> Iterator[int]:
    """Return where each run begins among records that lie group by group."""
    most = max_records or laid.height
    # Where each record would begin if all were joined with commas and not quoted: that makes records a to b
    # come to begins[b] - begins[a] bytes, one comma too many.
    begins = [0, *(laid["size"] + COMMA_BYTES).cum_sum().to_list()]
    room = MAX_EVENT_BYTES - ARRAY_BRACKETS_BYTES + COMMA_BYTES
    repeats = _Repeats(laid)
    groups = laid["group"].ne_missing(laid["group"].shift()).arg_true().to_list()
    for group_start, group_end in pairwise([*groups, laid.height]):
        start = group_start
        while start < group_end:
            yield start
            fitting = bisect_right(begins, begins[start] + room, start, group_end + 1) - 1
            # A record alone needs no brackets, and so always fits.
            start = repeats.first(start, max(start + 1, min(fitting, start + most)))


class _Repeats:
    """Records whose primary key an earlier record of their group has: none, in most extracts."""

    def __init__(self, laid: pl.DataFrame) -> None:
        self._records: list[int] = []
        self._earlier: list[int] = []
        self._next = 0
        if "key" not in laid.columns or laid["key"].n_unique() == laid.height:
            return
        repeated = (
            laid.select("group", "key", pl.int_range(pl.len()).alias("record"))
            .filter(pl.col("key").is_duplicated())
            .with_columns(pl.col("record").shift().over("group", "key").alias("earlier"))
            .drop_nulls("earlier")
        )
        self._records, self._earlier = repeated["record"].to_list(), repeated["earlier"].to_list()

    def first(self, start: int, end: int) -> int:
        """Return the first record before ``end`` whose key is in the run from ``start`` on, or ``end``.

        Runs must be asked for in order.
        """
        while self._next < len(self._records) and self._records[self._next] < end:
            if self._earlier[self._next] >= start:
                return self._records[self._next]
            self._next += 1
        return end


def _joined(laid: pl.DataFrame, cuts: Sequence[int]) -> Iterator[tuple[list[int], bytes]]:
    """Return rows and quoted records of the run from each cut to the next."""
    done = 0
    while done < len(cuts) - 1:
        # As many runs as have JOINED_RECORDS records, and one at least.
        last = max(done + 1, bisect_right(cuts, cuts[done] + JOINED_RECORDS) - 1)
        first = cuts[done]
        part = laid.slice(first, cuts[last] - first)
        rows, records = part["row"].to_list(), part["quoted"].to_list()
        for start, end in pairwise(cut - first for cut in cuts[done : last + 1]):
            members = records[start:end]
            if len(members) > 1:
                # Brackets on the members: put around the whole, they would copy it again.
                members[0] = b"[" + members[0]
                members[-1] += b"]"
            yield rows[start:end], b",".join(members)
        done = last
