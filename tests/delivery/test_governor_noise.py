"""Throttles that do not depend on the rate are distinguished from a limit."""

from random import Random

from loader.delivery.rate.attempt_log import KEPT_SLOTS, AttemptLog
from loader.delivery.rate.governor import Governor
from loader.delivery.rate.random_throttles import CUTS, FIRST_TRIES, RandomThrottles


def cut_down(
    noise: RandomThrottles, log: AttemptLog, *, throttled: bool, factor: float = 0.7
) -> list[float | None]:
    """Cut a rate again and again, the first attempts after each cut throttled now and then, or never."""
    rate, last_cut, found = 100.0, 0, []
    for _ in range(CUTS + 1):
        for place in range(2 * FIRST_TRIES):
            number = log.start(log.last / rate)
            if throttled and place == 1:
                log.throttle(number)
        log.throttle(log.last)
        found.append(noise.cut(log.last, rate, last_cut))
        last_cut = log.last
        rate *= factor
    return found


def test_cuts_without_effect_are_taken_back() -> None:
    """One attempt in four throttled right after each cut, down to a third: the rate goes back."""
    log = AttemptLog(now=0.0)
    noise = RandomThrottles(log)
    assert cut_down(noise, log, throttled=True) == [None] * CUTS + [100.0]
    assert noise.is_heard
    assert 0.25 < noise.tolerated_share <= 0.6


def test_cuts_that_help_are_kept() -> None:
    """Nothing throttled right after a cut: that is a limit, however often it is met."""
    log = AttemptLog(now=0.0)
    noise = RandomThrottles(log)
    assert cut_down(noise, log, throttled=False) == [None] * (CUTS + 1)
    assert not noise.is_heard


def test_a_rate_that_hardly_falls_is_no_noise() -> None:
    """Cuts that stay near the rate say nothing about what a much lower one would do."""
    log = AttemptLog(now=0.0)
    noise = RandomThrottles(log)
    assert cut_down(noise, log, throttled=True, factor=0.95) == [None] * (CUTS + 1)


def test_noise_that_ends_is_forgotten() -> None:
    """Once hardly anything is throttled any more, throttles count again."""
    log = AttemptLog(now=0.0)
    noise = RandomThrottles(log)
    cut_down(noise, log, throttled=True)
    for _ in range(1000):
        log.start(log.last / 100.0)
    log.throttle(log.last)
    noise.listen(log.last)
    assert not noise.is_heard


def test_a_third_throttled_at_random_does_not_bring_a_load_to_a_stand() -> None:
    """A load of 2,000 attempts ends within three minutes."""
    chance, now = Random(5), 0.0
    governor = Governor(now=now)
    accepted = 0
    while accepted < 2000:
        while (wait := governor.wait_seconds(now)) > 0:
            now += wait
        number = governor.start(now)
        if chance.random() < 0.3:
            governor.throttled(now + 0.005, number)
        else:
            governor.accepted(now + 0.005, number)
            accepted += 1
        now += 0.001
    assert now < 180.0


def test_a_cut_that_is_forgotten_had_its_effect() -> None:
    """After so many quiet attempts that the log has dropped the last cut, the next cut is a first one."""
    log = AttemptLog(now=0.0)
    noise = RandomThrottles(log)
    cut_down(noise, log, throttled=False)
    last_cut = log.last
    for step in range(3 * KEPT_SLOTS):
        log.start(1e3 + step * 0.002)
    assert noise.cut(log.last, 1.0, last_cut) is None
    assert not noise._firsts  # nothing of the forgotten cut is counted, nor what came before it
