"""Measuring a limit that is nowhere published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.attempt_log import AttemptCounts, AttemptLog
from loader.delivery.rate.limit_estimate import LimitEstimate, saturated_limit
from tests.simulation.quotas import QuotaSchedule, TokenBucketQuota


class Load:
    """Attempts at a set pace against a token bucket, answered at once."""

    def __init__(self, quota: float, burst: float) -> None:
        self.quota = TokenBucketQuota(QuotaSchedule(((0.0, quota),)), burst)
        self.log = AttemptLog(now=0.0)
        self.now = 0.0

    def until_throttled(self, rate: float) -> int:
        while True:
            self.now += 1.0 / rate
            number = self.log.start(self.now)
            if not self.quota.admits(self.now):
                self.log.throttle(number)
                return number

    def send(self, rate: float, seconds: float) -> int:
        last = self.log.last
        for _ in range(max(int(rate * seconds), 1)):
            self.now += 1.0 / rate
            last = self.log.start(self.now)
            if not self.quota.admits(self.now):
                self.log.throttle(last)
        return last


@given(st.floats(100.0, 2000.0), st.floats(0.1, 5.0), st.floats(1.3, 1.6))
def test_a_saturated_load_shows_the_quota(quota: float, burst_seconds: float, excess: float) -> None:
    """Whatever burst hid the quota before: once it is used up, the quota shows within a few per cent."""
    load = Load(quota, burst_seconds * quota)
    rate = excess * quota
    first = load.until_throttled(rate)
    estimate = LimitEstimate(load.log, rate, now=0.0)
    estimate.note_trouble(first, first, rate)
    limit = estimate.saturated(load.send(rate, 0.45), rate, 0.0)
    assert limit == pytest.approx(quota, rel=0.05)


def test_a_lone_throttle_is_no_saturation() -> None:
    """One throttle in many attempts is left to the other kind of estimate."""
    load = Load(100.0, 10.0)
    first = load.until_throttled(104.0)
    estimate = LimitEstimate(load.log, 104.0, now=0.0)
    estimate.note_trouble(first, first, 104.0)
    assert estimate.saturated(load.send(104.0, 0.2), 104.0, 0.0) is None


@given(st.floats(2000.0, 5000.0), st.integers(0, 20))
def test_a_few_milliseconds_do_not_overrule_what_was_seen_before(quota: float, late_ms: int) -> None:
    """A stalled event loop distorts what a fast load measures in 20 ms: the seconds before say it better."""
    load = Load(quota, 0.1 * quota)
    first = load.until_throttled(1.5 * quota)
    estimate = LimitEstimate(load.log, quota, now=0.0)
    estimate.close(first, forget=True)
    load.send(0.95 * quota, 2.0)
    rate = 1.2 * quota
    second = load.until_throttled(rate)
    estimate.note_trouble(second, second, rate)
    number = load.send(rate, 0.005)
    load.now += late_ms / 1000.0
    for _ in range(int(0.01 * rate)):
        number = load.log.start(load.now)
    load.log.throttle(number - 1)
    load.log.throttle(number)
    for each in range(number - 20, number - 2, 2):
        load.log.throttle(each)
    limit = estimate.saturated(number, rate, 0.0)
    assert limit is not None
    assert 0.97 * quota < limit < 1.25 * quota


def test_a_few_milliseconds_alone_are_a_small_step() -> None:
    """With nothing from before, a stretch too brief to measure in lowers the limit by a fifth at most."""
    load = Load(500.0, 0.0)
    estimate = LimitEstimate(load.log, 3000.0, now=0.0)
    estimate.note_trouble(1, 1, 3000.0)
    assert estimate.saturated(load.send(3000.0, 0.02), 3000.0, 0.0) == pytest.approx(2400.0)


def test_what_queued_before_a_pause_is_forgotten() -> None:
    """After ``discard_before`` only attempts from then on are evidence."""
    load = Load(1000.0, 10.0)
    first = load.until_throttled(4000.0)
    load.send(4000.0, 0.1)
    estimate = LimitEstimate(load.log, 4000.0, now=0.0)
    estimate.note_trouble(first, first, 4000.0)
    load.now += 0.1
    estimate.discard_before(load.log.last + 1, load.now)
    load.send(900.0, 0.2)
    second = load.until_throttled(1100.0)
    assert estimate.saturated(second, 1100.0, 0.0) is None
    assert estimate.high(second, 1100.0) == pytest.approx(1000.0, rel=0.1)


@given(st.floats(50.0, 1000.0), st.floats(0.2, 5.0))
def test_between_two_throttles_the_quota_is_exact(quota: float, burst_seconds: float) -> None:
    """From throttle to throttle a service with a burst admits its quota, whatever the rate did."""
    load = Load(quota, burst_seconds * quota)
    first = load.until_throttled(1.5 * quota)
    estimate = LimitEstimate(load.log, quota, now=0.0)
    estimate.close(first, forget=True)
    load.send(0.95 * quota, 1.0)
    second = load.until_throttled(1.03 * quota)
    limit = estimate.between(second, 1.03 * quota, 0.0, is_due=True)
    assert limit == pytest.approx(quota, rel=0.03)


def test_unused_tokens_make_the_lower_bound_void() -> None:
    """After idle time the service's bucket is full: what was admitted since says nothing about its rate."""
    load = Load(100.0, 10.0)
    first = load.until_throttled(150.0)
    estimate = LimitEstimate(load.log, 100.0, now=0.0)
    estimate.close(first, forget=True)
    load.now += 30.0
    second = load.until_throttled(110.0)
    assert estimate.between(second, 110.0, 3000.0, is_due=False) > 90.0


def test_agreement_is_counted() -> None:
    """Estimates that agree are counted; after a different one, the count starts again."""
    load = Load(100.0, 10.0)
    estimate = LimitEstimate(load.log, 100.0, now=0.0)
    agreed = []
    for limit in (101.0, 100.0, 99.5, 80.0, 80.5):
        number = load.send(100.0, 1.0)
        estimate.settle(limit, number, 0.01)
        estimate.close(number)
        agreed.append(estimate.agreed)
    assert agreed == [1, 2, 3, 0, 1]


@given(st.integers(1, 10_000), st.floats(0.0, 1.0), st.floats(0.01, 10.0), st.floats(0.2, 1e5))
def test_no_step_is_too_large(tried: int, share: float, seconds: float, rate: float) -> None:
    """A measurement lowers the limit, never below a fifth, and on thin evidence not below a half."""
    tally = AttemptCounts(tried, int(tried * share), seconds)
    limit = saturated_limit(tally, rate)
    assert 0.2 * rate - 1e-9 <= limit <= 0.97 * rate + 1e-9
    if tally.admitted < 8:
        assert limit >= 0.5 * rate - 1e-9
