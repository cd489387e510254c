"""The ceiling on virtual time: never more than rate + burst in any second, and hardly less than rate."""

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.delivery.limits.user_ceiling import PAUSE_SECONDS, Ceiling
from tests.delivery.virtual_time import now, run


async def paid_at(rate: float, burst: int, idle: list[float]) -> list[float]:
    """Pay as often as the ceiling allows, with pauses; return when each token was paid."""
    ceiling, times = Ceiling(rate, burst), []
    for pause in idle:
        await asyncio.sleep(pause)
        for _ in range(2 * burst + 5):
            # No more than two waits are needed: the first is exact but for the clock's last digits.
            for _ in range(2):
                await asyncio.sleep(ceiling.wait_seconds(now()))
            assert ceiling.wait_seconds(now()) == 0.0
            before = now()
            await ceiling.pay(before)
            assert now() == before, "paying never sleeps"
            times.append(before)
    return times


@settings(deadline=None, max_examples=50)
@given(st.floats(0.2, 2000), st.integers(1, 50), st.lists(st.floats(0, 20), min_size=1, max_size=5))
def test_no_second_sees_more_than_rate_and_burst(rate: float, burst: int, idle: list[float]) -> None:
    """Whatever the pauses, the ceiling holds over every stretch of one second."""
    times = run(paid_at(rate, burst, idle))
    for i, start in enumerate(times):
        assert bisect_left(times, start + 1.0 - 1e-6) - i <= rate + burst + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0.5, 1), (10.0, 1), (100.0, 3), (900.0, 90)])
def test_the_rate_is_reached(rate: float, burst: int) -> None:
    """A sender that is always hungry gets its rate."""
    times = run(paid_at(rate, burst, [0.0] * 20))
    assert (len(times) - 1 - burst) / (times[-1] - times[0]) == pytest.approx(rate, rel=0.03)


async def paid_over_a_change(first: tuple[float, int], second: tuple[float, int]) -> tuple[list[float], int]:
    """Pay for three seconds at each of two rates; return the times, and how many were before the change."""
    ceiling, began_at, before = Ceiling(*first), now(), 0
    times: list[float] = []
    while now() < began_at + 6.0:
        if now() >= began_at + 3.0:
            before = before or len(times)
            ceiling.change(*second)
        wait = ceiling.wait_seconds(now())
        if wait > 0:
            await asyncio.sleep(wait)
            continue
        await ceiling.pay(now())
        times.append(now())
    return times, before


@pytest.mark.parametrize("second", [(5.0, 1), (100.0, 10)])
def test_no_second_sees_the_buckets_of_two_rates(second: tuple[float, int]) -> None:
    """A changed rate begins with a pause, so each second has at most the tokens of one of the rates."""
    first = (20.0, 20)
    times, before = run(paid_over_a_change(first, second))
    assert 0 < before < len(times)
    assert times[before] - times[before - 1] >= PAUSE_SECONDS
    for i, start in enumerate(times):
        assert bisect_left(times, start + 1.0 - 1e-6) - i <= max(sum(first), sum(second))
