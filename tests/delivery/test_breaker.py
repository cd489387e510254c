"""The breaker for 402: one probe at a time, longer and longer pauses, and an end."""

import math

import pytest

from loader.delivery.limits.circuit_breaker import BreakerSettings, QuotaBreaker
from loader.model import OutcomeKind

SETTINGS = BreakerSettings()


def opened(at: float = 100.0) -> QuotaBreaker:
    breaker = QuotaBreaker(SETTINGS)
    breaker.answered(OutcomeKind.QUOTA, at, at - 1)
    return breaker


def probe(breaker: QuotaBreaker, now: float, kind: OutcomeKind) -> float:
    """Wait for the next probe, answer it a second later; return when it was answered."""
    start = now + breaker.wait_seconds(now)
    breaker.start()
    assert breaker.wait_seconds(start) == math.inf
    breaker.answered(kind, start + 1, start)
    return start + 1


def test_is_closed_until_a_402_comes() -> None:
    """No other answer pauses anything."""
    breaker = QuotaBreaker(SETTINGS)
    for kind in OutcomeKind:
        if kind is not OutcomeKind.QUOTA:
            breaker.answered(kind, 1.0, 0.5)
    breaker.start()
    assert not breaker.is_open
    assert breaker.wait_seconds(2.0) == 0.0


def test_pauses_double_up_to_five_minutes_then_it_gives_up() -> None:
    """Probes follow after 30, 60, 120, 240, 300, 300 ... seconds, for half an hour."""
    breaker, now, pauses = opened(), 100.0, []
    while not breaker.is_exhausted:
        pauses.append(breaker.wait_seconds(now))
        now = probe(breaker, now, OutcomeKind.QUOTA)
    assert pauses[:7] == pytest.approx([30, 60, 120, 240, 300, 300, 300])
    assert now - 100.0 == pytest.approx(SETTINGS.give_up_seconds + 1)


@pytest.mark.parametrize("kind", [OutcomeKind.ACCEPTED, OutcomeKind.REJECTED])
def test_a_judged_event_closes_it(kind: OutcomeKind) -> None:
    """If the service processes events again, all lanes continue, and a new 402 is counted from 1."""
    breaker = opened()
    now = probe(breaker, 100.0, kind)
    assert not breaker.is_open
    assert breaker.wait_seconds(now) == 0.0
    breaker.answered(OutcomeKind.QUOTA, now + 5, now + 4)
    assert breaker.wait_seconds(now + 5) == 30.0


@pytest.mark.parametrize(
    "kind", [OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT, OutcomeKind.UNKNOWN, OutcomeKind.REFRESH]
)
def test_an_answer_that_says_nothing_asks_again_after_the_same_pause(kind: OutcomeKind) -> None:
    """A throttled or lost probe contains no information about the quota."""
    breaker = opened()
    now = probe(breaker, 100.0, kind)
    assert breaker.is_open
    assert breaker.wait_seconds(now) == 30.0


def test_old_answers_are_no_news() -> None:
    """Attempts let go before the pause neither lengthen nor end it; nor do they open it again."""
    breaker = opened(100.0)
    for kind in (OutcomeKind.QUOTA, OutcomeKind.ACCEPTED):
        breaker.answered(kind, 110.0, 99.0)
    assert breaker.wait_seconds(100.0) == 30.0
    now = probe(breaker, 100.0, OutcomeKind.ACCEPTED)
    breaker.answered(OutcomeKind.QUOTA, now, 99.0)
    assert not breaker.is_open
