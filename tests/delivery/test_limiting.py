"""What limits a load: the most stalled time of a recent stretch."""

import pytest

from loader.delivery.limits.limiting_factor import STRETCH_SECONDS, LimitingFactor, Stalls, limiting_name
from loader.report.limiting_factor import limiting_words


def test_every_factor_has_words_for_users() -> None:
    """What the delivery reports by name, the report can explain."""
    assert all(limiting_words(factor) != factor.value for factor in LimitingFactor)


def test_nothing_limits_what_never_stalled() -> None:
    """Before the first stall there is no limiting factor."""
    stalls = Stalls()
    stalls.moving(1.0)
    assert stalls.limiting_factor(2.0) is None


def test_a_stall_that_just_began_is_named() -> None:
    """At the instant of the first stall its cause is already known."""
    stalls = Stalls()
    stalls.stalled(LimitingFactor.READER, 1.0)
    assert stalls.limiting_factor(1.0) is LimitingFactor.READER


def test_the_longest_stalled_time_wins() -> None:
    """Many short waits for the rate outweigh one longer wait for the reader."""
    stalls, now = Stalls(), 100.0
    stalls.stalled(LimitingFactor.READER, now)
    stalls.moving(now + 0.3)
    for _ in range(10):
        now += 0.3
        stalls.stalled(LimitingFactor.RATE, now)
        stalls.moving(now + 0.1)
    assert stalls.limiting_factor(now) is LimitingFactor.RATE


def test_a_running_stall_counts() -> None:
    """A pause that has not ended yet is seen while it lasts."""
    stalls = Stalls()
    stalls.stalled(LimitingFactor.RATE, 0.0)
    stalls.stalled(LimitingFactor.QUOTA, 1.0)
    assert stalls.limiting_factor(3.0) is LimitingFactor.QUOTA


def test_the_past_is_forgotten() -> None:
    """After two stretches even a pause of minutes says nothing any more."""
    stalls, now = Stalls(), 0.0
    stalls.stalled(LimitingFactor.QUOTA, now)
    stalls.moving(now := 600.0)
    for _ in range(25):
        stalls.stalled(LimitingFactor.LANES, now)
        now += STRETCH_SECONDS / 10
        stalls.moving(now)
    assert stalls.limiting_factor(now) is LimitingFactor.LANES


def test_quiet_hours_leave_no_old_cause() -> None:
    """A cause from before a long time without stalls is not reported."""
    stalls = Stalls()
    stalls.stalled(LimitingFactor.QUOTA, 0.0)
    stalls.moving(4.0)
    assert stalls.limiting_factor(1000.0) is None


@pytest.mark.parametrize(
    ("factor", "in_flight", "failing_seconds", "name"),
    [
        (LimitingFactor.LEARNING, 0, 0.0, "learning"),
        (LimitingFactor.LEARNING, 0, 60.0, "backoff"),
        (None, 3, 60.0, "backoff"),
        (LimitingFactor.QUOTA, 0, 60.0, "quota"),
        (LimitingFactor.PATH, 0, 60.0, "way"),
        (LimitingFactor.RATE, 3, 0.5, "rate"),
        (None, 3, 0.0, "answers"),
        (None, 0, 0.0, "reader"),
    ],
)
def test_a_load_without_a_successful_call_is_limited_by_failed_calls(
    factor: LimitingFactor | None, in_flight: int, failing_seconds: float, name: str
) -> None:
    """With a refused connection there is no rate to learn; a pause has a word of its own."""
    assert limiting_name(factor, in_flight, failing_seconds) == name
    assert limiting_words(name) != name
