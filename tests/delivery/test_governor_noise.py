"""Random throttles are distinguished from a limit."""

from random import Random

import pytest

from loader.delivery.rate.governor import Governor
from loader.delivery.rate.random_throttles import (
    FEWEST,
    MAX_CREDIT,
    MOST_SHARE,
    QUIET_TRIES,
    RandomThrottles,
)

TOP = 40.0
"""Events per second."""


class Throttler:
    """Reports throttles at constant distances to a ``RandomThrottles``, without cuts in between."""

    def __init__(self) -> None:
        self.noise = RandomThrottles()
        self.number = 0
        self.now = 0.0

    def throttle(self, times: int, *, gap: int, rate: float) -> list[float | None]:
        """Throttle one of ``gap`` attempts; return the results for the throttles that count."""
        results = []
        for _ in range(times):
            self.number += gap
            self.now += gap / rate
            if not self.noise.explains(self.number):
                results.append(self.noise.finds_noise(self.now, self.number, rate, 0))
        return results


@pytest.fixture
def throttler() -> Throttler:
    """One attempt in ten throttled at the full rate."""
    throttler = Throttler()
    throttler.throttle(20, gap=10, rate=TOP)
    return throttler


def test_the_same_share_at_half_the_rate_is_noise(throttler: Throttler) -> None:
    """A tenth is throttled at the full rate and at a third of it: the result is the rate admitted before."""
    results = throttler.throttle(20, gap=10, rate=TOP / 3)
    noisy = [each for each in results if each is not None]
    assert noisy == [pytest.approx(0.9 * TOP)]
    assert FEWEST <= results.index(noisy[0]) + 1 < 20
    assert throttler.noise.share == pytest.approx(0.1)


def test_the_same_share_near_the_full_rate_is_no_evidence(throttler: Throttler) -> None:
    """A limit may throttle a tenth for long if the rate hardly falls."""
    assert set(throttler.throttle(100, gap=10, rate=0.6 * TOP)) == {None}
    assert not throttler.noise.share


def test_a_quiet_stretch_shows_that_a_cut_had_an_effect(throttler: Throttler) -> None:
    """Every other attempt is throttled at a third of the rate, but each series of throttles has an end."""
    for _ in range(20):
        assert set(throttler.throttle(FEWEST - 1, gap=10, rate=TOP / 3)) == {None}
        throttler.number += QUIET_TRIES
    assert not throttler.noise.share


def test_a_limit_far_below_the_rate_is_no_noise(throttler: Throttler) -> None:
    """More than MOST_SHARE throttled is an overload at any rate."""
    assert set(throttler.throttle(100, gap=2, rate=TOP / 3)) == {None}


def test_a_share_that_loads_under_one_limit_cause_is_no_noise(throttler: Throttler) -> None:
    """Three in a hundred are throttled where eight loads share a quota."""
    assert set(throttler.throttle(100, gap=33, rate=TOP / 3)) == {None}


def test_noise_is_explained_and_a_limit_behind_it_is_not(throttler: Throttler) -> None:
    """Throttles at the assumed share have no effect. A row of throttles counts once the credit is spent."""
    throttler.throttle(20, gap=10, rate=TOP / 3)
    assert throttler.throttle(1000, gap=10, rate=TOP) == []
    assert len(throttler.throttle(30, gap=1, rate=TOP)) in range(14, 19)
    throttler.noise.renew(throttler.number)
    assert throttler.throttle(int(MAX_CREDIT), gap=1, rate=TOP) == []


def test_noise_that_ends_is_forgotten(throttler: Throttler) -> None:
    """A review with hardly any throttle ends the noise."""
    throttler.throttle(20, gap=10, rate=TOP / 3)
    throttler.throttle(3, gap=300, rate=TOP)
    assert not throttler.noise.share


def test_the_assumed_share_is_the_lowest_recent_one(throttler: Throttler) -> None:
    """A limit adds throttles, so a larger share is assumed only after it lasted for all reviews."""
    throttler.throttle(20, gap=10, rate=TOP / 3)
    throttler.throttle(40, gap=5, rate=TOP)
    assert throttler.noise.share == pytest.approx(0.1)
    throttler.throttle(1000, gap=1, rate=TOP)
    assert throttler.noise.share <= MOST_SHARE


@pytest.mark.parametrize("delay", [0, 40])
def test_sheltered_attempts_measure_the_noise_however_late_a_throttle_is(throttler: Throttler, delay: int):
    """A throttle may be known before or after its attempt is recorded as sheltered: both measure a tenth."""
    throttler.throttle(20, gap=10, rate=TOP / 3)
    noise = throttler.noise
    for _ in range(2):
        noise.renew(throttler.number)
        for last in range(throttler.number, throttler.number + 450):
            if last % 10 == 0:
                noise.explains(last - delay)
            if last % 7 == 0:
                noise.shelter(last)
        throttler.number = last
    assert noise.share == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(("share", "seconds"), [(0.3, 60.0), (0.1, 40.0)])
def test_random_throttles_do_not_slow_a_load_down_for_long(share: float, seconds: float) -> None:
    """A load of 2,000 attempts ends soon, although it starts at 15/s and is throttled at once."""
    chance, now = Random(5), 0.0
    governor = Governor(now=now)
    accepted = 0
    while accepted < 2000:
        while (wait := governor.wait_seconds(now)) > 0:
            now += wait
        number = governor.start(now)
        if chance.random() < share:
            governor.throttled(now + 0.005, number)
        else:
            governor.accepted(now + 0.005, number)
            accepted += 1
        now += 0.001
    assert now < seconds
