"""The rate of a cell: a quota is found within 1 %, with any burst and any measured rate."""

import random

import pytest

from loader.emulator import QuotaSettings
from loader.emulator.quota import Quota
from loader.measuring.cell_run import measured_stretch


def rate_of(warm_at: float, throttled_at: list[float], accepted_at: list[float]) -> float:
    """The rate that a cell reports."""
    start, end = measured_stretch(warm_at, throttled_at, accepted_at)
    return sum(start < at <= end for at in accepted_at) / (end - start)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("quota_per_second", [10.0, 100.0, 1000.0])
def test_a_quota_is_found_between_its_throttles(quota_per_second, seed):
    """The sender starts twice too fast, is thrown back, and comes near the limit again and again."""
    noise = random.Random(seed)
    quota = Quota(QuotaSettings(rate=quota_per_second), 0.0)
    now, share, accepted_at, throttled_at = 0.0, 2.0, [], []
    while now < 15.0:
        now += 1.0 / (share * quota_per_second)
        if quota.take(now) == 0.0:
            accepted_at.append(now)
            share = min(share * (1 + 0.2 / quota_per_second), 1.1)
        else:
            throttled_at.append(now)
            share = noise.uniform(0.8, 0.97)
            now += 0.05
    assert rate_of(6.0, throttled_at, accepted_at) == pytest.approx(quota_per_second, rel=0.03)


def test_without_a_throttle_all_after_the_warm_up_counts():
    """Nothing limits but the sender: its rate is the figure."""
    assert rate_of(4.0, [], [at / 50 for at in range(500)]) == pytest.approx(50, rel=0.01)


def test_a_throttle_at_the_very_end_does_not_shorten_the_time():
    """Two throttles in quick succession are not a period to measure over."""
    accepted_at = [at / 50 for at in range(500)]
    assert measured_stretch(4.0, [9.9, 9.95], accepted_at) == (4.0, accepted_at[-1])


def test_a_time_between_throttles_without_an_acceptance_is_not_measured():
    """A machine that stands still sends nothing between two throttles; the service would have accepted."""
    assert measured_stretch(0.4, [0.42, 0.93], [0.1, 0.2, 0.95, 0.96]) == (0.42, 0.96)
