"""Pack the records of a window into events, slice by slice.

Rules kept here:

1. The events do not depend on the size of the slices. An event is closed by a record, or by the end of the
   window.
2. The records of a user's group stay in row order over the events of their lane. No event has a primary key
   twice, more bytes than the service allows, or more records than the settings allow.
3. Polars processes single records, and Python processes runs of records of one event. Only records of groups
   with a repeated key or a large record are placed one by one. `lane_packing` chooses the event of each
   record.
4. Between slices only the open events and the keys of their records are in memory.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from zlib import crc32

import polars as pl

from loader.events.lane_packing import LARGE_RECORD_BYTES, PackingLane, WindowEvents
from loader.events.open_event import LaneRecords, PackedRun
from loader.events.open_keys import OpenKeys

COMMA_BYTES = 1

OBJECT_RECORDS, OBJECT_BYTES = 8_192, 4 * 2**20
"""Number of records that are Python objects at the same time while they are joined, and bytes of them. The
lane that reaches one of these is the last one."""

OPEN_BYTES = 96 * 2**20
"""Maximum bytes of the open events of all lanes. It is divided among the lanes."""

MIN_LANE_BYTES = 3 * 2**19
"""Minimum of the share of one lane. It is larger than one event, so that an earlier event stays open when a
repeated key opens another one."""


@dataclass(frozen=True, slots=True)
class PackingSettings:
    """The settings of packing.

    Attributes:
        shared: Whether the records of a group in a window share events.
        group_buckets: Number of buckets over which groups are spread, or None for no buckets.
        max_records: Maximum records of one event, or None for no limit except the bytes.
    """

    shared: bool = False
    group_buckets: int | None = None
    max_records: int | None = None

    @property
    def lane_bytes(self) -> int:
        """Maximum bytes of the open events of a lane."""
        return max(MIN_LANE_BYTES, OPEN_BYTES // (self.group_buckets or 1))


def with_buckets(records: pl.DataFrame, buckets: int | None) -> pl.DataFrame:
    """Return the records with their groups spread over buckets, or unchanged if ``buckets`` is None."""
    return records if buckets is None else records.with_columns(group_buckets(records["group"], buckets))


def group_buckets(groups: pl.Series, buckets: int) -> pl.Series:
    """Return the name of the bucket of each key, with keys spread over a number of buckets."""
    names = pl.Series([bucket_name(bucket) for bucket in range(buckets)], dtype=pl.String)
    return names.gather(bucket_numbers(groups, buckets)).alias(groups.name)


def bucket_numbers(groups: pl.Series, buckets: int) -> pl.Series:
    """Return the number of the bucket of each key.

    The hash is CRC-32, because it is the same in every language and version and spreads text keys evenly.
    """
    return group_hashes(groups) % buckets


def group_hashes(groups: pl.Series) -> pl.Series:
    """Return the CRC-32 of each text."""
    return pl.Series(groups.name, map(crc32, groups.cast(pl.Binary).to_list()), dtype=pl.UInt32)


def bucket_name(bucket: int) -> str:
    """Return the ``eventGroupId`` of a bucket."""
    return f"bucket-{bucket}"


class Packer:
    """Packs the records of one window.

    Args:
        packing: The settings of packing.
        lane_bytes: Maximum bytes of the open events of a lane; for tests.
    """

    def __init__(self, packing: PackingSettings, lane_bytes: int | None = None) -> None:
        self._buckets = packing.group_buckets
        self._lane_bytes = packing.lane_bytes if lane_bytes is None else lane_bytes
        self._max_records = packing.max_records or 2**62
        self._lanes: dict[str | int, PackingLane] = {}
        self._window = WindowEvents()
        self._keys = OpenKeys()

    def add(self, records: pl.DataFrame) -> list[PackedRun]:
        """Return the events that the records of the next slice close, in the order of closing.

        Args:
            records: A frame with the columns of `SliceRecords.frame`.
        """
        if records.is_empty():
            return []
        singles, known = self._singles(records)
        ordered = _in_lane_order(records, self._buckets, singles)
        for batch in _batches(ordered):
            for name, start, end in batch.lanes:
                lane = self._lane(name)
                first, last = (bisect_left(batch.singles, at) for at in (start, end))
                alone, of_lane = batch.singles[first:last], known.get(lane.group, {})
                behind = lane.place_each(batch.records, start, alone, of_lane)
                lane.fill(batch.records, behind, end)
        taken = self._window.collect_taken()
        if "key" in records.columns:
            self._keys.add(ordered.frame["key"], taken)
        return self._window.collect_closed()

    def end(self) -> list[PackedRun]:
        """Close all events at the end of the window, and return them in the order of their first rows."""
        for lane in self._lanes.values():
            lane.close_all()
        return self._window.collect_closed()

    def _lane(self, name: str | int) -> PackingLane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = PackingLane(
                bucket_name(name) if isinstance(name, int) else name,
                max_bytes=self._lane_bytes,
                max_records=self._max_records,
                is_one_group=self._buckets is None,
                window=self._window,
            )
        return lane

    def _singles(self, records: pl.DataFrame) -> tuple[pl.Series | None, dict[str, dict[str, int]]]:
        """Return the records to place one by one, and the open events that contain repeated keys.

        Returns:
            Booleans, or None if there is no such record; and for each lane the numbers of the events with
            earlier records of the keys.
        """
        marked, known = pl.repeat(value=False, n=records.height, eager=True), {}
        if "key" in records.columns:
            open_events = {
                event.serial: (lane, event.number) for lane in self._lanes.values() for event in lane.open
            }
            repeated, earlier = self._keys.repeated(records["key"], open_events)
            if repeated is not None:
                marked |= repeated
            known = _by_lane(earlier, open_events)
        if self._buckets is not None:  # without buckets, no other group can fill an event that a group left
            marked |= records["size"] > LARGE_RECORD_BYTES
            sent_on = [group for lane in self._lanes.values() for group in lane.sent_on()]
            if sent_on:
                marked |= records["group"].is_in(sent_on)
        if not marked.any():
            return None, known
        groups = records["group"].filter(marked).unique()
        return records["group"].is_in(groups.implode()), known


def _by_lane(
    earlier: Sequence[tuple[str, int]], open_events: Mapping[int, tuple[PackingLane, int]]
) -> dict[str, dict[str, int]]:
    known: dict[str, dict[str, int]] = {}
    for key, serial in earlier:
        lane, number = open_events[serial]
        of_lane = known.setdefault(lane.group, {})
        of_lane[key] = max(number, of_lane.get(key, number))
    return known


@dataclass(frozen=True, slots=True)
class _OrderedRecords:
    """The records of a slice, lane by lane, each lane in row order.

    Attributes:
        frame: The records.
        lanes: Name or number of each lane, and its start.
        singles: Positions of the records to place one by one, ascending.
    """

    frame: pl.DataFrame
    lanes: Sequence[tuple[str | int, int]]
    singles: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some complete lanes of a slice.

    Attributes:
        records: Their records.
        lanes: Name or number of each lane, its start and its end.
        singles: Positions of the records to place one by one, ascending.
    """

    records: LaneRecords
    lanes: Sequence[tuple[str | int, int, int]]
    singles: Sequence[int]


def _in_lane_order(records: pl.DataFrame, buckets: int | None, singles: pl.Series | None) -> _OrderedRecords:
    """Return the records lane by lane. They are grouped, which is seven times as fast as sorting."""
    names = records["group"] if buckets is None else bucket_numbers(records["group"], buckets)
    positions = pl.DataFrame({"lane": names, "at": pl.int_range(records.height, eager=True)})
    grouped = positions.group_by("lane", maintain_order=True).agg("at")
    order = grouped["at"].explode()
    begins = accumulate(grouped["at"].list.len().to_list(), initial=0)
    lanes = list(zip(grouped["lane"].to_list(), begins, strict=False))
    one_by_one = [] if singles is None else singles.gather(order).arg_true().to_list()
    return _OrderedRecords(records.select(pl.all().gather(order)), lanes, one_by_one)


def _batches(ordered: _OrderedRecords) -> Iterator[_Batch]:
    """Yield complete lanes with at least `OBJECT_RECORDS` or `OBJECT_BYTES`, as Python objects."""
    frame, lanes = ordered.frame, ordered.lanes
    begins = [begin for _, begin in lanes] + [frame.height]
    begin_bytes = [0, *frame["size"].cum_sum().gather([begin - 1 for begin in begins[1:]])]
    is_one_file = frame["file"].n_unique() == 1
    is_undated = frame["timestamp"].null_count() == frame.height
    done = 0
    while done < len(lanes):
        first = begins[done]
        by_records = bisect_left(begins, first + OBJECT_RECORDS, done + 1)
        by_bytes = bisect_left(begin_bytes, begin_bytes[done] + OBJECT_BYTES, done + 1)
        last = min(len(lanes), by_records, by_bytes)
        part = frame.slice(first, begins[last] - first)
        singles = ordered.singles[
            bisect_left(ordered.singles, first) : bisect_left(ordered.singles, begins[last])
        ]
        files = part["file"]
        yield _Batch(
            LaneRecords(
                places=part["place"].to_list(),
                files=files[0] if is_one_file else files.to_list(),
                rows=part["row"].to_list(),
                groups=part["group"].to_list() if singles else None,
                keys=part["key"].to_list() if singles and "key" in part.columns else None,
                timestamps=None if is_undated else part["timestamp"].to_list(),
                quoted=part["quoted"].to_list(),
                begins=[0, *(part["size"] + COMMA_BYTES).cum_sum().to_list()],
                file_changes=[] if is_one_file else (files != files.shift()).arg_true().to_list(),
            ),
            [
                (name, begin - first, end - first)
                for (name, begin), end in zip(lanes[done:last], begins[done + 1 : last + 1], strict=True)
            ],
            [single - first for single in singles],
        )
        done = last
