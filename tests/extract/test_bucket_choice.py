"""``--group-buckets auto``: full events, enough lanes, and the same number for a resume."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checkpoint import Plan, open_checkpoint
from loader.delivery.rate.memory import RateMemory, Remembered
from loader.errors import SettingsError
from loader.extract import open_extract
from loader.extract.bucket_choice import (
    EVENTS_PER_BUCKET,
    FEWEST,
    MOST,
    SMALL_EXTRACT_BYTES,
    GroupSample,
    buckets_for,
    should_spread,
)
from loader.extract.opening import CHOSEN_BUCKETS
from loader.extract.planning import plan_slices
from loader.model import MAX_EVENT_BYTES, TOKEN_LIFE_SECONDS
from loader.stage_settings.extract import extract_settings

MIB = 2**20


@given(st.integers(0, 10_000 * MIB), st.floats(0.01, 10_000))
def test_the_number_gives_lanes_and_fills_events(total_bytes: int, rate: float) -> None:
    """A power of two: enough lanes for the rate, but no more than the extract has full events for."""
    buckets = buckets_for(GroupSample((), total_bytes), rate)
    assert 1 <= buckets <= MOST
    assert buckets & (buckets - 1) == 0
    assert buckets == 1 or buckets * EVENTS_PER_BUCKET * MAX_EVENT_BYTES <= total_bytes
    if total_bytes > MOST * EVENTS_PER_BUCKET * MAX_EVENT_BYTES:
        assert buckets >= min(MOST, max(FEWEST, 0.3 * rate))


@pytest.mark.parametrize(
    ("groups", "total_bytes", "answer"),
    [
        ([f"g{row}" for row in range(1_000)], 100 * MIB, True),  # a group per row
        ([f"g{row // 3}" for row in range(1_000)], 1_000 * MIB, False),  # groups of 3 MiB
        ([f"g{row % 10}" for row in range(1_000)], 100 * MIB, False),  # ten warehouses
        ([f"g{row % 500}" for row in range(1_000)], 100 * MIB, True),
        ([f"g{row}" for row in range(1_000)], SMALL_EXTRACT_BYTES, False),  # a small extract
        ([], 0, False),
    ],
)
def test_groups_are_spread_only_where_that_fills_events(
    groups: list[str],
    total_bytes: int,
    answer: bool,  # noqa: FBT001 - parametrised
) -> None:
    """Few large groups, and small extracts, keep the names of their groups."""
    assert should_spread(GroupSample(groups, total_bytes)) is answer


def write(path: Path, rows: int, groups: int, **columns: Any) -> str:
    frame = pl.select(
        (pl.int_range(rows) % groups).cast(pl.String).alias("reservation_id"),
        pl.int_range(rows).cast(pl.String).alias("reservation_detail_id"),
        pl.lit("a text of some length that makes records of about two hundred bytes " * 2).alias(
            "product_id"
        ),
        **columns,
    )
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return str(path)


JobOf = Callable[..., Any]
RESERVATION = {"event_type": "scn.data.reservation", "pack": "group"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_small_groups_of_a_large_extract_are_spread(tmp_path: Path, job_of: JobOf, suffix: str) -> None:
    """Without a word of the user; the calls are those that the bytes need, and one more of each bucket."""
    job = job_of(
        extract=[write(tmp_path / f"x{suffix}", 150_000, 150_000)], run_dir=tmp_path / "run", **RESERVATION
    )
    extract = open_extract(extract_settings(job))
    assert extract.packing.group_buckets is not None
    events = [event for plan in plan_slices(job.destination, extract) for event in plan.events]
    data_bytes = sum(len(event.data) for event in events)
    assert len(events) <= 1.08 * data_bytes / MAX_EVENT_BYTES + extract.packing.group_buckets
    assert len({event.group for event in events}) == extract.packing.group_buckets


def test_large_groups_keep_their_names(tmp_path: Path, job_of: JobOf) -> None:
    """Ten groups of some megabytes fill events by themselves; ``auto`` spreads them all the same."""
    path = write(tmp_path / "x.parquet", 150_000, 10)
    settings = {"extract": [path], "run_dir": tmp_path / "run", "group_by": "reservation_id", **RESERVATION}
    assert open_extract(extract_settings(job_of(**settings))).packing.group_buckets is None
    assert open_extract(extract_settings(job_of(group_buckets="auto", **settings))).packing.group_buckets == 4


def test_a_later_load_takes_the_number_of_the_first(tmp_path: Path, job_of: JobOf) -> None:
    """It is part of the plan: neither another rate nor more rows change it, but --restart does."""
    path = write(tmp_path / "x.parquet", 150_000, 150_000)
    settings = {"extract": [path], "run_dir": tmp_path / "run", "group_buckets": "auto", **RESERVATION}
    job = job_of(**settings)
    extract = open_extract(extract_settings(job))
    assert extract.packing.group_buckets == 4
    stored = {**extract.plan_settings, CHOSEN_BUCKETS: 16}
    plan = Plan(stored, extract.files, extract.cuts.window_rows, extract.cuts.slice_rows)
    open_checkpoint(tmp_path / "run", plan).close()
    again = open_extract(extract_settings(job_of(rate=5_000.0, **settings)))
    assert (again.packing.group_buckets, again.plan_settings) == (16, stored)
    assert open_extract(extract_settings(job_of(restart=True, **settings))).packing.group_buckets == 4
    named = open_extract(extract_settings(job_of(**settings | {"group_buckets": 7})))
    assert (named.packing.group_buckets, CHOSEN_BUCKETS in named.plan_settings) == (7, False)


def test_the_number_is_chosen_from_the_remembered_rate_of_the_instance(
    tmp_path: Path, job_of: JobOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --rate; and while tokens live, what is learned after a choice does not change the next one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    endpoint = "http://127.0.0.1:9"
    path = write(tmp_path / "x.parquet", 400_000, 400_000)
    settings = {
        "extract": [path],
        "run_dir": tmp_path / "run",
        "group_buckets": "auto",
        "region": "eu-central-1",
        "endpoint_url": endpoint,
        **RESERVATION,
    }
    job = job_of(**settings)
    memory = RateMemory(endpoint, "AKIAEXAMPLE", job.instance_id)
    assumed = open_extract(extract_settings(job))
    assert (assumed.packing.group_buckets, assumed.bucket_rate) == (16, 50.0)
    memory.remember(Remembered(20.0), time.time())
    chosen = open_extract(extract_settings(job))
    assert (chosen.packing.group_buckets, chosen.bucket_rate) == (8, 20.0)
    assert open_extract(extract_settings(job_of(forget_rate=True, **settings))).packing.group_buckets == 16
    assert open_extract(extract_settings(job_of(rate=50.0, **settings))).packing.group_buckets == 16
    # Other shards may run on machines that remember nothing.
    assert open_extract(extract_settings(job_of(shard="1/2", **settings))).packing.group_buckets == 16
    memory.remember_planning(20.0, time.time())
    memory.remember(Remembered(50.0), time.time())
    assert open_extract(extract_settings(job)).packing.group_buckets == 8
    memory.remember_planning(20.0, time.time() - TOKEN_LIFE_SECONDS - 1)
    assert open_extract(extract_settings(job)).packing.group_buckets == 16


def test_auto_is_for_packing(job_of: JobOf) -> None:
    """A row an event needs no buckets that anybody would have to choose."""
    with pytest.raises(SettingsError, match=r"group-buckets auto|cannot be used") as refused:
        job_of(extract=["x.csv"], group_buckets="auto")
    assert "--group-buckets auto needs --pack group" in refused.value.block()


def test_a_choice_is_known_within_the_second_it_was_made(tmp_path: Path) -> None:
    """The time is stored in whole seconds, and never later than it was."""
    memory = RateMemory("http://127.0.0.1:9", "AKIAEXAMPLE", folder=tmp_path)
    memory.remember(Remembered(50.0), 1_790_000_000.9)
    memory.remember_planning(20.0, 1_790_000_000.9)
    assert memory.planning_rate(1_790_000_000.95) == 20.0
