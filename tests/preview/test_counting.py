"""Counting lanes, keys, reasons and packings over windows: exact, whatever the windows."""

import random
from collections import Counter

import polars as pl
import pytest

from loader.events import EventPlanner, PackingSettings, SliceRecords
from loader.model import Destination, FileRows, RejectedRow, SlicePlan, SourceFile
from loader.preview import Counts, Packings, count_keys, count_lanes
from loader.preview.counting import MOST_KINDS, OTHER_REASONS
from loader.preview.spill import spill
from loader.reject_code import RejectCode

FILE = SourceFile(0, "/x.csv", "csv", 1, 0, "f", 0, None)
DESTINATION = Destination("8928ae12-15e5-4441-825d-ec2184f0a43a", "scn.data.reservation")


def window(number: int, groups: list[str], keys: list[str]) -> SliceRecords:
    """A window of ten rows at most, whose records are ``{}``."""
    rows = range(number * 10, number * 10 + len(groups))
    return SliceRecords(
        window=number,
        number=0,
        files=[FileRows(0, number * 10, len(groups), 0, 0, len(groups), last_of_file=False)],
        frame=pl.DataFrame({"row": rows, "group": groups, "key": keys}).with_columns(
            timestamp=pl.lit(None, pl.String),
            quoted=pl.lit(b"{}"),
            size=pl.lit(2, pl.Int64),
            file=pl.lit(0, pl.UInt32),
            place=pl.int_range(pl.len()),
        ),
        rejected=[],
    )


def random_windows(seed: int) -> list[SliceRecords]:
    chance = random.Random(seed)
    return [
        window(
            number,
            [f"g{int(chance.paretovariate(1)) % 20}" for _ in range(10)],
            [f"k{chance.randrange(150)}" for _ in range(10)],
        )
        for number in range(20)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_lanes_and_keys_are_counted_over_windows(seed):
    """The spilled counts are those of one counter over all rows, and places are the first in row order."""
    windows = random_windows(seed)
    groups = Counter(group for records in windows for group in records.groups)
    places: dict[str, list[int]] = {}
    for records in windows:
        for key, row in zip(records.keys or (), records.rows, strict=True):
            places.setdefault(key, []).append(row)
    planner = EventPlanner(DESTINATION, [FILE], PackingSettings())
    with spill() as tables:
        (add_lanes, lanes), (add_keys, repeats) = count_lanes(tables), count_keys(tables)
        for records in windows:
            add_lanes(planner.plan(records))
            add_keys(records)
        found, repeated = lanes(), repeats()
    assert (found.count, found.longest_events) == (len(groups), max(groups.values()))
    assert [lane.events for lane in found.largest] == [count for _, count in groups.most_common(5)]
    assert all(groups[lane.group] == lane.events == lane.records for lane in found.largest)
    twice = sorted((rows for rows in places.values() if len(rows) > 1), key=lambda rows: rows[0])
    assert (repeated.keys, repeated.extra_records) == (len(twice), sum(len(rows) - 1 for rows in twice))
    assert [(key.row, key.again_row, key.records) for key in repeated.first] == [
        (rows[0], rows[1], len(rows)) for rows in twice[:5]
    ]


@pytest.mark.parametrize(
    "chosen", [PackingSettings(), PackingSettings(shared=True, group_buckets=4), PackingSettings(shared=True)]
)
def test_packings_count_what_the_planner_would_plan(chosen):
    """Each number is that of a load with the flags it names."""
    windows = random_windows(1)
    packings = Packings(chosen, 2, 10, is_given=True)
    for records in windows:
        packings.add(records)
    buckets = chosen.group_buckets or 64
    settings = [
        PackingSettings(shared=False, group_buckets=chosen.group_buckets),
        PackingSettings(shared=True),
        PackingSettings(shared=True, group_buckets=buckets),
    ]
    planners = [EventPlanner(DESTINATION, [FILE], packing) for packing in settings]
    assert [packing.events for packing in packings.result()] == [
        sum(len(planner.plan(records).events) for records in windows) for planner in planners
    ]
    assert [packing.is_chosen for packing in packings.result()] == [each == chosen for each in settings]


def test_reasons_do_not_grow_without_end():
    """Reasons that hold numbers end in one kind, and none of the rows is lost."""
    counts = Counts()
    code = RejectCode.RECORD_TOO_LONG
    rejected = [RejectedRow(0, row, "a", code, f"it has {row} bytes") for row in range(MOST_KINDS + 5)]
    counts.add(
        SlicePlan(
            0, 0, [FileRows(0, 0, len(rejected), 0, len(rejected), 0, last_of_file=True)], 0, rejected, []
        )
    )
    kinds = counts.rejected_kinds()
    assert len(kinds) == MOST_KINDS + 1
    assert (kinds[0].reason, kinds[0].count, kinds[0].row) == (OTHER_REASONS, 5, MOST_KINDS)
    assert {kind.code for kind in kinds} == {code}
    assert sum(kind.count for kind in kinds) == counts.rows_rejected
