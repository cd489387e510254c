"""Shards plan what one process plans: each event once, with the same token and bytes, in the same order."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.events.shard_lanes import lanes_of_shard
from loader.extract import open_extract
from loader.extract.planning import plan_slices
from loader.job import Job, Shard
from loader.model import SlicePlan
from loader.stage_settings.extract import extract_settings
from tests.faults.extracts import KEY
from tests.faults.reliability import REPEATABLE
from tests.faults.test_planning_laws import SEEDS, random_job
from tests.thoroughness import examples

Plans = list[SlicePlan]

FILTERS: list[dict[str, Any]] = [{}, {"filter": f"{KEY[1]} NOT LIKE '%3'"}]
PACKINGS: list[dict[str, Any]] = [
    {},
    {"pack": "group"},
    {"pack": "group", "group_buckets": 5, "max_records": 4},
    {"pack": "group", "group_buckets": 64},
    {"pack": "group", "group_buckets": "auto"},
]


def job_of(folder: Path, seed: int) -> dict[str, Any]:
    """Return settings for a random extract: with bad lines if it is CSV, with filters and packings."""
    chance = Random(seed)
    job = random_job(folder, seed, most_rows=examples(90, 160))
    job |= {"window_rows": chance.choice([15, 40, 1000]), **chance.choice(FILTERS), **chance.choice(PACKINGS)}
    extract = Path(job["extract"][0])
    if extract.suffix == ".csv":
        with extract.open("a", encoding="utf-8") as lines:
            lines.writelines(chance.choice(["short\n", ",,\n", 'R00001,x"y,z\n']) for _ in range(5))
    return job


def plans_of(job: dict[str, Any], shard: str | None = None) -> Plans:
    whole = Job(**job, shard=shard)
    return list(plan_slices(whole.destination, open_extract(extract_settings(whole))))


def events_of(plans: Plans) -> Iterator[tuple[int, int, str, str, str | None, tuple[int, ...], bytes]]:
    """Yield what identifies each event, wherever it is planned, in the order of sending."""
    for plan in plans:
        for event, place in zip(plan.events, plan.places, strict=True):
            yield (
                event.window,
                place,
                event.token,
                event.group,
                event.timestamp,
                tuple(event.rows),
                event.data,
            )


def rows_of(plans: Plans) -> Counter[str]:
    counts: Counter[str] = Counter()
    for plan in plans:
        counts.update(
            read=plan.rows_read,
            filtered=plan.rows_filtered,
            unknown=plan.rows_filtered_unknown,
            records=plan.records,
            rejected=len(plan.rejected),
        )
    return counts


@pytest.mark.tried("Extracts planned by 1, 2, 3, 7 and 16 shards", keeps=REPEATABLE)
@pytest.mark.parametrize("of", [1, 2, 3, 7, 16])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=SEEDS)
def test_shards_plan_the_events_of_one_process(tmp_path: Path, seed: int, of: int) -> None:
    """The shards' events are those of one process, in its order; their rows add up to its rows."""
    job = job_of(tmp_path, seed)
    whole = plans_of(job)
    shards = [plans_of(job, f"{number}/{of}") for number in range(1, of + 1)]

    expected = list(events_of(whole))
    assert sorted(event for plans in shards for event in events_of(plans)) == sorted(expected)
    for plans in shards:
        own = list(events_of(plans))
        of_shard = set(own)
        assert own == [event for event in expected if event in of_shard]
        assert sum(plan.rows_read for plan in whole) == sum(
            file.rows_read for plan in plans for file in plan.files
        )
    assert sum(map(rows_of, shards), Counter()) == rows_of(whole)
    rejected = [(row.file, row.row, row.code) for plans in shards for plan in plans for row in plan.rejected]
    assert sorted(rejected) == sorted((r.file, r.row, r.code) for plan in whole for r in plan.rejected)


def test_groups_of_an_expression_are_divided_too(tmp_path: Path) -> None:
    """A group that is calculated belongs to one shard, and a row without a group is rejected by one."""
    extract = tmp_path / "rows.csv"
    lines = [f"R{number},{number:06d},{'' if number % 5 == 0 else number % 7}" for number in range(300)]
    extract.write_text("\n".join([",".join((*KEY, "product_id")), *lines]), encoding="utf-8")
    job: dict[str, Any] = {
        "extract": [str(extract)],
        "event_type": "scn.data.reservation",
        "instance_id": "8928ae12-15e5-4441-825d-ec2184f0a43a",
        "mapping": {"product_id": {"expression": "product_id || '-x'"}},
        "group_by": ["product_id"],
    }
    whole, shards = plans_of(job), [plans_of(job, f"{number}/3") for number in (1, 2, 3)]
    assert rows_of(whole)["rejected"] == 60
    assert sum(map(rows_of, shards), Counter()) == rows_of(whole)
    assert sorted(e for plans in shards for e in events_of(plans)) == sorted(events_of(whole))
    groups = [{event[3] for event in events_of(plans)} for plans in shards]
    assert sum(map(len, groups)) == len(set[str]().union(*groups)) == 7


def test_rows_before_a_fault_are_planned(tmp_path: Path) -> None:
    """A shard reads several slices before it plans; those before a file that is damaged are not lost."""
    for name in ("a", "b"):
        lines = [f"R{number},{number:06d},{name}" for number in range(100)]
        (tmp_path / f"{name}.csv").write_text("\n".join([",".join((*KEY, "product_id")), *lines]))
    job = Job(
        extract=[str(tmp_path / "a.csv"), str(tmp_path / "b.csv")],
        event_type="scn.data.reservation",
        instance_id="8928ae12-15e5-4441-825d-ec2184f0a43a",
        window_rows=10,
        shard="1/2",
    )
    extract = open_extract(extract_settings(job))
    with (tmp_path / "b.csv").open("a") as file:
        file.write("changed\n")
    windows: list[int] = []
    with pytest.raises(ExtractError):
        windows.extend(plan.window for plan in plan_slices(job.destination, extract))
    assert windows == list(range(10))


@given(st.lists(st.text(), min_size=1), st.integers(1, 20), st.none() | st.integers(1, 64))
def test_each_lane_belongs_to_one_shard(groups: list[str], of: int, buckets: int | None) -> None:
    """Whatever the number of shards, exactly one of them delivers a lane."""
    texts = pl.Series(groups, dtype=pl.String)
    taken = [
        lanes_of_shard(texts, buckets, Shard(number=number, of=of)).to_list() for number in range(1, of + 1)
    ]
    assert [sum(of_group) for of_group in zip(*taken, strict=True)] == [1] * len(groups)


def test_the_division_is_written_in_stone() -> None:
    """Another version of the loader divides groups as this one does: shards of both may run side by side."""
    groups = pl.Series(["R00001", "R00002", "Zürich", "", "4711"])
    assert [
        [lanes_of_shard(groups, buckets, Shard(number=k, of=4)).arg_true().to_list() for k in (1, 2, 3, 4)]
        for buckets in (None, 6)
    ] == [[[3], [0], [2], [1, 4]], [[2, 3], [1, 4], [], [0]]]
