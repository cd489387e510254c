"""Attempts that reach the service at once."""

from loader.delivery.rate.attempt_log import AttemptLog
from loader.delivery.rate.bursts import HELD_UP_CUTS, HELD_UP_SECONDS, Bursts


def test_a_burst_is_more_than_the_rate_and_new_once() -> None:
    """Twenty attempts at one instant are a burst at 500/s; its later throttles belong to the first."""
    log = AttemptLog(now=0.0)
    bursts = Bursts(log)
    spread = [log.start(0.002 * each) for each in range(1, 50)]
    crowd = [log.start(0.2) for _ in range(20)]
    assert not bursts.has(spread[-1], 500.0)
    assert bursts.has(crowd[-1], 500.0)
    assert [bursts.is_new(crowd[3]), bursts.is_new(crowd[9]), bursts.is_new(crowd[19])] == [
        True,
        False,
        False,
    ]


def test_who_is_late_once_was_held_up() -> None:
    """A throttle far later than those before is one of a crowd, but the first of all tells nothing."""
    bursts = Bursts(AttemptLog(now=0.0))
    assert not bursts.were_held_up(0.3)
    bursts = Bursts(AttemptLog(now=0.0))
    assert not any(bursts.were_held_up(seconds) for seconds in (0.002, 0.01, 0.004))
    assert bursts.were_held_up(0.011 + HELD_UP_SECONDS)


def test_who_stays_late_was_not() -> None:
    """A service that has become slow is heard from the next cut on, until it was quick for a while."""
    bursts = Bursts(AttemptLog(now=0.0))
    bursts.were_held_up(0.002)
    assert [bursts.were_held_up(0.3) for _ in range(3)] == [True, False, False]
    for _ in range(HELD_UP_CUTS):
        assert not bursts.were_held_up(0.002)
    assert bursts.were_held_up(0.3)
