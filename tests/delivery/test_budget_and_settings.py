"""The byte budget and the settings of a delivery."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.entry import Entry
from loader.delivery.limits.byte_budget import ByteBudget, event_bytes
from loader.delivery.settings import DeliverySettings, share_of_ceiling
from loader.job import Job, OnFailure, Shard
from loader.loading.settings import delivery_settings
from tests.delivery.fake_service import event


@given(st.integers(1, 5000), st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=50))
def test_budget_is_exceeded_by_less_than_one_event(max_bytes: int, steps: list[tuple[bool, int]]) -> None:
    """A caller that requests room first holds at most the budget and one event."""
    budget, held = ByteBudget(max_bytes), []
    for comes, size in steps:
        if comes and budget.has_room:
            held.append(event(0, data=b"x" * size))
            budget.hold(held[-1])
            assert budget.held_bytes < max_bytes + event_bytes(held[-1])
        elif held:
            budget.release(held.pop())
        assert budget.held_bytes == sum(map(event_bytes, held))
        assert budget.has_room or not budget.is_relaxed
    assert held or budget.is_relaxed


def test_small_events_count_with_the_objects_around_them() -> None:
    """What an event costs in the budget is at least what its objects take."""
    small = event(0, "order-000000000001", data=b"x" * 50)
    parts = (small, small.quoted, small.token, small.group, small.rows, 10**9, Entry(small))
    assert event_bytes(small) >= sum(map(sys.getsizeof, parts))


@pytest.mark.parametrize(
    "wrong", [{"rate": 0.0}, {"rate": float("inf")}, {"burst": 0}, {"max_held_bytes": 0}]
)
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    """Settings that could never deliver anything are refused."""
    with pytest.raises(ValueError, match="must be"):
        DeliverySettings(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("rate", "burst", "events"), [(None, None, 1), (0.5, None, 1), (200.0, None, 20), (200.0, 3, 3)]
)
def test_burst_is_a_tenth_of_a_second_by_default(rate: float | None, burst: int | None, events: int) -> None:
    """The ceiling's bucket is small, but never smaller than one event."""
    assert DeliverySettings(rate=rate, burst=burst).burst_events == events


def test_settings_of_a_job() -> None:
    """What a job says about delivery arrives unchanged."""
    job = Job(
        event_type="scn.data.inboundorder",
        instance_id="9e193580-7cc5-45f7-9609-c43ba0ada793",
        rate=12.5,
        burst=4,
        max_held_bytes=2_000_000,
        on_failure=OnFailure.HOLD,
        drain_seconds=3.0,
        give_up_after="90s",
    )
    assert delivery_settings(job) == DeliverySettings(
        rate=12.5,
        burst=4,
        max_held_bytes=2_000_000,
        on_failure=OnFailure.HOLD,
        drain_seconds=3.0,
        give_up_seconds=90.0,
        may_repeat=True,
    )


def test_the_rows_of_an_event_count_in_the_budget() -> None:
    """A packed event of many short records holds a position for each: at least what they take."""
    rows = tuple(range(10**6, 10**6 + 5000))
    one, many = event(0), replace(event(0), rows=rows)
    assert event_bytes(many) - event_bytes(one) >= sum(map(sys.getsizeof, rows[1:])) + 8 * len(rows[1:])


@pytest.mark.parametrize("of", [1, 3, 7])
@pytest.mark.parametrize("burst", [None, 7, 10])
def test_the_shares_of_a_ceiling_add_up(of: int, burst: int | None) -> None:
    """All shards together have the rate and the burst of the load."""
    shares = [share_of_ceiling(100.0, burst, Shard(number=number, of=of)) for number in range(1, of + 1)]
    assert sum(rate or 0.0 for rate, _ in shares) == pytest.approx(100.0)
    assert sum(each or 0 for _, each in shares) == (10 if burst is None else burst)


def test_a_whole_load_and_no_ceiling_are_not_shared() -> None:
    """Without shards the ceiling is whole; without a ceiling there is nothing to share."""
    assert share_of_ceiling(100.0, 5, None) == (100.0, 5)
    assert share_of_ceiling(None, None, Shard(number=1, of=2)) == (None, None)
