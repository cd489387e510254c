"""The log of attempts: what started when, and what was throttled."""

from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.attempt_log import KEPT_SLOTS, KEPT_THROTTLES, SLOT_SECONDS, AttemptLog


def filled(gaps: list[float]) -> AttemptLog:
    log = AttemptLog(now=0.0)
    now = 0.0
    for gap in gaps:
        now += gap
        log.start(now)
    return log


def test_attempts_are_numbered_from_one() -> None:
    """The first attempt has number 1, and it is timed by its own start, not by the log's."""
    log = AttemptLog(now=0.0)
    assert [log.start(5.0), log.start(6.0)] == [1, 2]
    assert log.last == 2
    assert log.started_at(1) == 5.0


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200))
def test_start_times_are_known_to_a_slot(gaps: list[float]) -> None:
    """Every attempt's start is known to a slot, in whatever rhythm they start."""
    log = filled(gaps)
    now = 0.0
    for number, gap in enumerate(gaps, start=1):
        now += gap
        assert now - SLOT_SECONDS <= log.started_at(number) <= now


@given(st.sets(st.integers(1, 100)), st.integers(0, 100), st.integers(0, 100))
def test_tallies_count_what_was_not_throttled(throttled: set[int], one: int, other: int) -> None:
    """A tally counts the attempts of its stretch, and leaves out the throttled ones in any order."""
    log = filled([0.01] * 100)
    for number in throttled:
        log.throttle(number)
    after, until = min(one, other), max(one, other)
    tally = log.tally(after, until)
    assert tally.tried == until - after
    assert tally.admitted == sum(number not in throttled for number in range(after + 1, until + 1))


def test_recent_rate() -> None:
    """The recent admitted rate of a steady load is its rate without the throttled share."""
    log = filled([0.01] * 400)
    for number in range(2, 401, 2):
        log.throttle(number)
    assert 48 <= log.recent(400, 2.0).admitted_rate <= 52


def test_attempts_that_start_together() -> None:
    """A burst is seen as one; a steady load is not."""
    log = filled([0.01] * 100 + [0.0] * 30)
    assert log.together(130, 0.005) >= 30
    assert log.together(90, 0.005) <= 2


def test_memory_is_bounded() -> None:
    """A long load forgets its oldest slots and throttles, and still knows the latest."""
    log = filled([SLOT_SECONDS * 1.01] * (5 * KEPT_SLOTS))
    for number in range(log.last - 100, log.last + 1):
        log.throttle(number)
    log.start(1e6)
    assert len(log._times) <= 2 * KEPT_SLOTS
    assert log.throttles(log.last - 102, log.last) == 101
    assert log.tally(0, log.last - 1).admitted_rate < 1.1 / SLOT_SECONDS


def test_throttles_in_memory_are_bounded() -> None:
    """Only the latest are kept, of which a tally asks."""
    log = AttemptLog(now=0.0)
    for _ in range(2 * KEPT_THROTTLES + 9):
        log.throttle(log.start(0.0))
    assert KEPT_THROTTLES <= len(log._throttled) <= 2 * KEPT_THROTTLES
    assert log._throttled[-1] == log.last
