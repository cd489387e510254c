"""The packer equals a plain loop, whatever the slices; and keeps every promise of its own."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.events.open_event import PackedRun
from loader.events.packing import Packer, PackingSettings, group_buckets
from loader.json_quoting import unquote
from loader.model import MAX_EVENT_BYTES
from tests.events.reference import Record, bucket_of, data_of, share

FILE_ROWS = 7
"""Rows of each file of the extracts here, so that events hold rows of several."""

SCHEMA = {
    "place": pl.Int64,
    "file": pl.UInt32,
    "row": pl.Int64,
    "group": pl.String,
    "key": pl.String,
    "timestamp": pl.String,
    "quoted": pl.Binary,
    "size": pl.Int64,
}


def record(place: int, group: str, key: str | None, timestamp: str | None, size: int) -> Record:
    """Return the record of a row, of so many bytes or a few more."""
    data = b'{"n":%d,"pad":"%b"}' % (place, b"x" * max(0, size - 20))
    return Record(place % FILE_ROWS, group, key, timestamp, data, file=place // FILE_ROWS)


def frame(records: Sequence[Record], first_place: int = 0) -> pl.DataFrame:
    """Return some records of a window as the planner gets them."""
    columns: dict[str, list[object]] = {
        name: [getattr(each, name) for each in records] for name in SCHEMA if name != "place"
    }
    columns["place"] = list(range(first_place, first_place + len(records)))
    with_keys = all(each.key is not None for each in records)
    names = [name for name in SCHEMA if name != "key" or with_keys]
    return pl.DataFrame({name: columns[name] for name in names}, {name: SCHEMA[name] for name in names})


def pack(
    records: Sequence[Record], packing: PackingSettings, cuts: Sequence[int] = (), lane_bytes: int = 2**40
) -> list[PackedRun]:
    """Return the events of a window whose records come in slices that end at some positions."""
    packer = Packer(packing, lane_bytes)
    borders = [0, *sorted(min(cut, len(records)) for cut in cuts), len(records)]
    runs = []
    for start, end in pairwise(borders):
        runs += packer.add(frame(records[start:end], start))
    return runs + packer.end()


def places(run: PackedRun) -> list[tuple[int, int]]:
    """Return file and row of each record of an event."""
    ends = [at for at, _ in run.borders[1:]] + [len(run.rows)]
    files = [file for (at, file), end in zip(run.borders, ends, strict=True) for _ in range(end - at)]
    return list(zip(files, run.rows, strict=True))


SIXTEENTH = MAX_EVENT_BYTES // 16
EXACT = [MAX_EVENT_BYTES, MAX_EVENT_BYTES - 5, MAX_EVENT_BYTES // 2 - 1, MAX_EVENT_BYTES // 2, 5 * SIXTEENTH]
"""Record lengths that fill an event to the byte, or miss it by one."""

SIZES = st.integers(20, 60) | st.sampled_from([SIXTEENTH, 2 * SIXTEENTH, 2 * SIXTEENTH + 1, *EXACT])
ROWS = st.tuples(
    st.sampled_from(["a", "b", "c", "", "ü|c"]),
    st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8"]),
    st.none() | st.sampled_from(["1", "-2.5"]),
    SIZES,
)
PACKINGS = st.builds(
    PackingSettings,
    shared=st.just(value=True),
    group_buckets=st.none() | st.integers(1, 3),
    max_records=st.none() | st.integers(1, 5),
)
CUTS = st.lists(st.integers(0, 60), max_size=6)
LANE_BYTES = st.sampled_from([MAX_EVENT_BYTES + 20, 3 * 2**19, 2**40])
KEYS = st.sampled_from(["none", "any", "of their group"])


def records_of(drawn: Sequence[tuple[str, str, str | None, int]], keys: str) -> list[Record]:
    """Return the records of drawn rows, with the given keys."""

    def key_of(group: str, key: str) -> str | None:
        return {"none": None, "any": key, "of their group": f"{group}/{key}"}[keys]

    return [
        record(place, group, key_of(group, key), timestamp, size)
        for place, (group, key, timestamp, size) in enumerate(drawn)
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, max_size=60), PACKINGS, CUTS, LANE_BYTES, KEYS)
@example([("a", "1", None, 20)] * 70, PackingSettings(shared=True, group_buckets=1), [3, 66], 2**40, "any")
def test_events_are_those_of_the_plain_loop_for_slices_of_any_size(drawn, packing, cuts, lane_bytes, keys):
    """Rows, group, timestamp and bytes of every event, and their order, equal the reference's."""
    records = records_of(drawn, keys)
    expected = [
        (group, [(each.file, each.row) for each in members], members[-1].timestamp, data_of(members))
        for group, members in share(records, packing.group_buckets, packing.max_records, lane_bytes)
    ]
    runs = pack(records, packing, cuts, lane_bytes)
    assert [(run.group, places(run), run.timestamp, unquote(run.quoted)) for run in runs] == expected
    assert [run.place for run in runs] == [
        members[0][1][0] * FILE_ROWS + members[0][1][1]
        for members in ([(None, place) for place in places(run)] for run in runs)
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(ROWS, max_size=60), PACKINGS, CUTS, LANE_BYTES, KEYS)
def test_nothing_is_lost_split_or_out_of_order_and_no_limit_is_exceeded(
    drawn, packing, cuts, lane_bytes, keys
):
    """The guarantees hold, checked without the reference."""
    records = records_of(drawn, keys)
    by_place = {(each.file, each.row): each for each in records}
    sent: defaultdict[str, list[Record]] = defaultdict(list)
    for run in pack(records, packing, cuts, lane_bytes):
        members = [by_place.pop(place) for place in places(run)]
        assert unquote(run.quoted) == data_of(members)
        assert len(data_of(members)) <= MAX_EVENT_BYTES
        assert len(members) <= (packing.max_records or len(members))
        held = [each.key for each in members if each.key is not None]
        assert len(set(held)) == len(held)
        assert {bucket_of(each.group, packing.group_buckets) for each in members} == {run.group}
        for each in members:
            sent[each.group].append(each)
            sent[f"{run.group} {each.key}"].append(each)
    assert not by_place
    for in_order in sent.values():
        if in_order[0].key is not None or len({each.group for each in in_order}) == 1:
            assert in_order == sorted(in_order, key=lambda each: (each.file, each.row))


@settings(max_examples=20, deadline=None)
@given(st.lists(ROWS, max_size=60), PACKINGS, CUTS)
def test_other_lanes_have_no_influence_on_an_event(drawn, packing, cuts):
    """Packing only some lanes of a window gives the same events of these lanes, in the same order."""
    records = records_of(drawn, "of their group")
    runs = pack(records, packing, cuts)
    for lane in {run.group for run in runs}:
        packer = Packer(packing)
        mine = [each for each in records if bucket_of(each.group, packing.group_buckets) == lane]
        alone = frame(mine).with_columns(
            place=pl.Series([each.file * FILE_ROWS + each.row for each in mine], dtype=pl.Int64)
        )
        assert packer.add(alone) + packer.end() == [run for run in runs if run.group == lane]


def test_a_repeated_key_sends_on_its_own_group_only():
    """Five versions of many keys, mixed, make five events of a bucket and not one for each repeat."""
    rows = [(version * 7 + key * 13, key) for version in range(5) for key in range(2_000)]
    records = [record(place, f"k{key}", f"k{key}", None, 60) for place, (_, key) in enumerate(sorted(rows))]
    runs = pack(records, PackingSettings(shared=True, group_buckets=4), cuts=range(0, 10_000, 700))
    assert len(runs) == 4 * 5


def test_a_large_record_leaves_room_to_small_ones():
    """A record for which an event has no room does not close it while it is far from full."""
    large, small = 9 * SIXTEENTH, 200
    records = [
        record(place, str(place), str(place), None, small if place % 100 else large) for place in range(3_000)
    ]
    runs = pack(records, PackingSettings(shared=True, group_buckets=1))
    assert len(runs) == 30  # one for each large record, and none beside


def test_what_a_lane_holds_open_is_bounded():
    """A key that comes ever again opens an event each time, and the earliest of many is closed."""
    packer = Packer(PackingSettings(shared=True, group_buckets=1))
    records = [record(place, "a", "a", None, 50) for place in range(1_000)]
    assert len(packer.add(frame(records))) == 1_000 - 64
    assert len(packer.end()) == 64


@pytest.mark.parametrize("buckets", [None, 64])
def test_more_records_than_are_python_objects_at_a_time_make_the_same_events(buckets):
    """Where Python's share of the work is cut plays no part, whatever the lanes' lengths."""
    groups = ["large" if row % 3 else f"group {row % 1000}" for row in range(20_000)]
    records = [record(row, group, f"{row % 9001}", None, 40) for row, group in enumerate(groups)]
    runs = pack(records, PackingSettings(shared=True, group_buckets=buckets))
    expected = [(group, data_of(members)) for group, members in share(records, buckets, None)]
    assert [(run.group, unquote(run.quoted)) for run in runs] == expected


def test_buckets_are_the_same_on_every_machine():
    """CRC-32 of the UTF-8 text, modulo the number of buckets."""
    groups = pl.Series(["", "PO-1", "Überlingen"])
    assert group_buckets(groups, 64).to_list() == ["bucket-0", "bucket-22", "bucket-48"]
