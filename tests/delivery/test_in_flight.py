"""How many attempts may be under way."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.limits.in_flight_cap import MINIMUM, SPARE, InFlightCap
from loader.delivery.limits.overdue import GENERATION_SECONDS, OverdueAttempts


def settled(*, rate: float, latency: float, maximum: int = 4096, answers: int = 400) -> InFlightCap:
    cap = InFlightCap(maximum=maximum)
    for number in range(answers):
        cap.succeeded(number / rate, latency, rate)
    return cap


@given(st.floats(0.5, 5000.0), st.floats(0.001, 5.0))
def test_the_rate_is_never_starved(rate: float, latency: float) -> None:
    """Enough attempts may be under way for the allowed rate at the latency there is."""
    limit = settled(rate=rate, latency=latency).limit
    assert limit >= min(math.floor(rate * latency), 4096)
    assert limit <= max(2.0 * rate * latency, SPARE)


@pytest.mark.parametrize("factor", [10.0, 1000.0])
def test_a_jump_of_the_latency_is_followed_at_once(factor: float) -> None:
    """When the service gets much slower, the next answer makes room: nothing waits for a statistic."""
    cap = settled(rate=10.0, latency=0.005)
    cap.succeeded(1e3, 0.005 * factor, 10.0)
    assert cap.limit >= 10.0 * 0.005 * factor * 0.7


def test_slow_outliers_count_by_their_mean() -> None:
    """If one attempt in thirty takes ten seconds, the mean decides, as Little's law says."""
    cap = InFlightCap(maximum=4096)
    for number in range(3000):
        cap.succeeded(number / 100, 10.0 if number % 30 == 0 else 0.05, 100.0)
    assert cap.limit >= 0.8 * 100.0 * (10.0 / 30 + 0.05)


def test_trouble_cuts_once_per_epoch() -> None:
    """Errors of attempts that started before the last cut change nothing."""
    cap = InFlightCap(maximum=100)
    for _ in range(20):
        cap.troubled(10.0, 9.0)
    assert cap.limit == 70
    for _ in range(20):
        cap.troubled(12.0, 11.0)
    assert cap.limit == 49


@pytest.mark.parametrize("share", [0.001, 0.004, 0.01, 0.05])
def test_random_errors_change_nothing(share: float) -> None:
    """A service that fails up to one call in twenty fails at any concurrency: a lower cap would not help."""
    chance, cap = Random(3), InFlightCap(maximum=50)
    for number in range(1, 20_000):
        if chance.random() < share:
            cap.troubled(number / 500, number / 500 - 0.05)
        else:
            cap.succeeded(number / 500, 0.05, 5000.0)
        assert cap.limit == 50


def test_an_overload_cuts() -> None:
    """If every fourth call fails, the service may have too many at the same time."""
    cap = InFlightCap(maximum=50)
    for number in range(1, 200):
        if number % 4 == 0:
            cap.troubled(number / 500, number / 500 - 0.05)
        else:
            cap.succeeded(number / 500, 0.05, 5000.0)
    assert cap.limit < 50


def test_attempts_without_an_answer_do_not_fill_the_cap() -> None:
    """What hangs for a minute leaves as much room to the other attempts as there was before."""
    cap = settled(rate=500.0, latency=0.04)
    free = cap.limit
    for number in range(1, 5001):
        cap.overdue.started(number)
        if number % 100:
            cap.overdue.ended(number)
            cap.succeeded(10.0 + number / 500, 0.04, 500.0)
    assert cap.limit >= free + 35
    for number in range(100, 5001, 100):
        cap.overdue.ended(number)
    cap.succeeded(30.0, 0.04, 500.0)
    assert cap.limit <= free + 1  # the quantile of the latency varies


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0.1, 3.0)), max_size=30), st.randoms())
def test_overdue_attempts_are_counted_exactly(course: list[tuple[int, float]], chance: Random) -> None:
    """Attempts of two generations ago that have not ended are overdue, whatever ends in which order."""
    overdue, now, last = OverdueAttempts(), 0.0, 0
    open_attempts: dict[int, int] = {}
    turns, next_turn = 0, 0.0
    for starts, seconds in course:
        for _ in range(starts):
            last += 1
            overdue.started(last)
            open_attempts[last] = turns
        for number in list(open_attempts):
            if chance.random() < 0.5:
                overdue.ended(number)
                del open_attempts[number]
        now += seconds
        overdue.look(now, 0.01)
        if now >= next_turn:
            next_turn, turns = now + GENERATION_SECONDS, turns + 1
        assert overdue.count == sum(turns - turn >= 2 for turn in open_attempts.values())


def test_recovers_from_a_cut() -> None:
    """Ten seconds of successes undo one cut."""
    cap = settled(rate=1000.0, latency=0.1, maximum=100)
    for _ in range(8):
        cap.troubled(0.5, 0.45)
    assert cap.limit == 70
    for number in range(10_000):
        cap.succeeded(0.5 + number / 1000, 0.1, 1000.0)
    assert cap.limit == 100


def test_recovers_from_an_outage_by_doubling() -> None:
    """After minutes of errors only, the limit from before is nearly back after a few hundred successes."""
    cap = settled(rate=2000.0, latency=0.3, maximum=1024)
    before = cap.limit
    for number in range(600):
        cap.troubled(10.0 + number, 9.5 + number)
    assert cap.limit == MINIMUM
    for number in range(1000):
        cap.succeeded(620.0 + number / 1000, 0.3, 2000.0)
    assert cap.limit >= 0.65 * before


@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.booleans(), st.floats(0.0, 30.0), st.floats(0.2, 1e4)), max_size=200),
)
def test_always_within_its_bounds(maximum: int, course: list[tuple[bool, float, float]]) -> None:
    """Whatever happens, the limit is at least two, if the maximum is, and never above the maximum."""
    cap = InFlightCap(maximum=maximum)
    now = 0.0
    for has_succeeded, seconds, rate in course:
        now += seconds
        if has_succeeded:
            cap.succeeded(now, seconds, rate)
        else:
            cap.troubled(now, now - seconds)
        assert min(MINIMUM, maximum) <= cap.limit <= maximum


def test_the_maximum_is_checked() -> None:
    """A cap of nothing would be a deadlock."""
    with pytest.raises(ValueError, match="maximum"):
        InFlightCap(maximum=0)


def test_a_busy_process_queues_no_more() -> None:
    """While the process has no time left the cap shrinks, to SPARE at most, and comes back when it has."""
    cap = settled(rate=2000.0, latency=0.3)
    limits = []
    for look in range(40):
        cap.note_cpu_share(1.0)
        cap.succeeded(1e3 + look, 0.3, 2000.0)
        limits.append(cap.limit)
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == SPARE
    for look in range(40):
        cap.note_cpu_share(0.5)
        cap.succeeded(2e3 + look, 0.3, 2000.0)
    assert cap.limit >= 600
