"""The governor: when attempts may start. Whole courses are in tests/simulation."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.governor import MAX_SETTLE_SECONDS, SETTLE_TICK_SECONDS, Governor, GovernorSettings
from loader.delivery.rate.steering import Phase
from loader.model import MAX_RETRY_AFTER_SECONDS
from tests.simulation.quotas import QuotaSchedule, TokenBucketQuota


class Driver:
    """Drives a governor against a service that answers at once, in virtual time."""

    def __init__(self, governor: Governor) -> None:
        self.governor = governor
        self.now = 0.0
        self.started = 0

    def attempt(self) -> int:
        """Wait until an attempt may start, and start it."""
        # At the end of a ramp it looks every few milliseconds, for half a second, whether all was answered.
        for _ in range(10 + round(MAX_SETTLE_SECONDS / SETTLE_TICK_SECONDS)):
            wait = self.governor.wait_seconds(self.now)
            if wait == 0.0:
                self.started += 1
                return self.governor.start(self.now)
            self.now += wait
        raise AssertionError("waiting as long as the governor says is not enough")

    def run(self, seconds: float, is_admitted: Callable[[float], bool] = lambda _: True) -> None:
        """Send as fast as the governor allows."""
        until = self.now + seconds
        while self.now < until:
            epoch = self.attempt()
            if is_admitted(self.now):
                self.governor.accepted(self.now, epoch)
            else:
                self.governor.throttled(self.now, epoch, None)

    def throttle_once(self, retry_after_seconds: float | None = None) -> None:
        """Have attempts throttled until the rate is cut."""
        epochs = self.governor.epochs
        while self.governor.epochs == epochs:
            epoch = self.attempt()
            self.governor.throttled(self.now, epoch, retry_after_seconds)


@pytest.fixture
def driver() -> Driver:
    return Driver(Governor(now=0.0))


def test_finds_a_high_rate_within_seconds(driver: Driver) -> None:
    """Nothing throttled: 5,000/s are reached from cold within ten seconds."""
    driver.run(10.0)
    assert driver.governor.rate > 5000
    assert driver.governor.phase is Phase.START
    assert driver.governor.learned_rate is None


def test_a_hundred_throttles_of_one_burst_cut_once(driver: Driver) -> None:
    """Throttles of attempts that were under way at the cut change nothing more."""
    driver.run(3.0)
    under_way = [driver.attempt() for _ in range(100)]
    for epoch in under_way[:20]:
        driver.governor.throttled(driver.now, epoch)
    rate, epochs = driver.governor.rate, driver.governor.epochs
    assert epochs == 1
    for epoch in under_way[20:]:
        driver.governor.throttled(driver.now, epoch)
    assert (driver.governor.rate, driver.governor.epochs) == (rate, epochs)


@pytest.mark.parametrize("has_lost", [False, True])
def test_the_end_of_start_waits_for_what_is_under_way(driver: Driver, *, has_lost: bool) -> None:
    """Nothing is sent into a queue that the ramp has left; an answer that never comes holds nothing up."""
    driver.run(5.0)
    under_way = [driver.attempt() for _ in range(60)]
    driver.now += 0.02
    for epoch in under_way[:30]:
        driver.governor.throttled(driver.now, epoch)
    assert (driver.governor.epochs, driver.governor.phase) == (1, Phase.SEEK)
    cut_at = driver.now
    driver.now += 0.06
    assert driver.governor.wait_seconds(driver.now) > 0.0
    for epoch in under_way[30:]:
        if not has_lost:
            driver.governor.accepted(driver.now, epoch)
    while (wait := driver.governor.wait_seconds(driver.now)) > 0.0:
        driver.now += wait
    assert (driver.now - cut_at < 0.085) is not has_lost
    assert driver.now - cut_at < 0.12


@pytest.mark.parametrize(("seconds", "rests"), [(1.0, False), (5.0, True)])
def test_a_fast_load_rests_after_a_cut(driver: Driver, seconds: float, *, rests: bool) -> None:
    """The service has no token left then: a fast load lets some come in, a slow one goes on with its next."""
    driver.run(seconds)
    for _ in range(2):
        driver.throttle_once()
        driver.attempt()
    driver.run(0.2)
    driver.throttle_once()
    own_seconds = 1.0 / driver.governor.rate
    assert (driver.governor.wait_seconds(driver.now) > own_seconds + 0.004) is rests


def test_a_cut_goes_to_what_was_admitted(driver: Driver) -> None:
    """After a cut the rate is a little less than what the service let in, not a fraction of what was set."""
    driver.run(2.0)
    rate = driver.governor.rate
    driver.throttle_once()
    assert 0.4 * rate < driver.governor.rate < rate


def test_other_answers_change_nothing(driver: Driver) -> None:
    """Rejections, server errors and timeouts are not the governor's business."""
    driver.run(1.0)
    rate = driver.governor.rate
    for _ in range(50):
        epoch = driver.attempt()
        driver.governor.answered(driver.now, epoch)
    assert driver.governor.rate == rate
    assert driver.governor.epochs == 0


def test_unused_tokens_prove_nothing(driver: Driver) -> None:
    """A load that takes a tenth of its tokens does not make the rate grow."""
    driver.run(3.0)
    rate = driver.governor.rate
    for _ in range(1000):
        driver.now += 10.0 / rate
        epoch = driver.attempt()
        driver.governor.accepted(driver.now, epoch)
    assert driver.governor.rate < 1.3 * rate


def test_retry_after_pauses_the_whole_load_once(driver: Driver) -> None:
    """The first throttle of an epoch sets the pause; those of the same epoch do not prolong it."""
    driver.run(1.0)
    late = [driver.attempt() for _ in range(5)]
    driver.throttle_once(retry_after_seconds=3.0)
    opens_at = driver.now + driver.governor.wait_seconds(driver.now)
    assert opens_at == pytest.approx(driver.now + 3.0, abs=0.2)
    for epoch in late:
        driver.governor.throttled(driver.now + 1.0, epoch, 3.0)
    assert driver.now + driver.governor.wait_seconds(driver.now) == opens_at


def test_absurd_retry_after_is_clipped(driver: Driver) -> None:
    """A header that asks for a day does not stop the load for a day."""
    driver.run(1.0)
    driver.throttle_once(retry_after_seconds=86_400.0)
    assert driver.governor.wait_seconds(driver.now) <= MAX_RETRY_AFTER_SECONDS + 1.0


def test_an_outage_is_probed_at_bounded_intervals(driver: Driver) -> None:
    """While everything is throttled few attempts go out, and never more than two seconds apart."""
    driver.run(3.0)
    driver.run(10.0, is_admitted=lambda _: False)
    assert driver.governor.phase is Phase.BLOCKED
    started, began = driver.started, driver.now
    longest = 0.0
    for _ in range(100):
        before, epoch = driver.now, driver.attempt()
        driver.governor.throttled(driver.now, epoch, None)
        longest = max(longest, driver.now - before)
    assert longest <= 2.0 + 1e-9
    assert (driver.started - started) / (driver.now - began) <= 0.55


def test_an_outage_ends_with_the_rate_from_before(driver: Driver) -> None:
    """The limit from before an outage is remembered and nearly reached within three seconds of its end."""
    quota = TokenBucketQuota(QuotaSchedule(((0.0, 500.0),)), 50)
    driver.run(20.0, quota.admits)
    driver.run(600.0, is_admitted=lambda _: False)
    driver.run(3.0, quota.admits)
    assert 400 < driver.governor.rate < 600


def test_old_answers_do_not_end_an_outage(driver: Driver) -> None:
    """An attempt from before the outage that is accepted late says nothing about now."""
    driver.run(2.0)
    old = driver.attempt()
    driver.run(5.0, is_admitted=lambda _: False)
    driver.governor.accepted(driver.now, old)
    assert driver.governor.phase is Phase.BLOCKED
    probe = driver.attempt()
    driver.governor.accepted(driver.now, probe)
    assert driver.governor.phase is not Phase.BLOCKED


def test_a_learned_rate_is_used_at_once() -> None:
    """A load begins at four fifths of what an earlier one learned, and knows it as its limit."""
    governor = Governor(now=0.0, learned_rate=500.0)
    assert governor.rate == 400.0
    assert governor.learned_rate == 500.0


def test_a_rate_that_met_no_limit_is_where_the_next_load_begins(driver: Driver) -> None:
    """Half of an earlier load's rate is not a limit: the rate grows from there."""
    assert driver.governor.reached_rate is None
    driver.run(5.0)
    reached = driver.governor.reached_rate
    assert reached is not None
    assert reached > 0.2 * driver.governor.rate
    following = Governor(now=0.0, reached_rate=reached)
    assert following.rate == pytest.approx(reached / 2)
    assert following.phase is Phase.START
    driver.throttle_once()
    assert driver.governor.reached_rate is None


@pytest.mark.parametrize("learned", [1e-9, 1e9])
def test_learned_rates_are_bounded(learned: float) -> None:
    """A remembered rate outside the bounds, from a damaged file say, is put back into them."""
    settings = GovernorSettings()
    rate = Governor(settings, now=0.0, learned_rate=learned).rate
    assert settings.min_rate <= rate <= settings.max_rate


def test_a_burst_after_a_stall_shrinks_the_bucket_not_the_rate() -> None:
    """What the event loop sent at once after standing still was too much at once, not too fast."""
    governor = Governor(now=0.0, learned_rate=2000.0)
    driver = Driver(governor)
    driver.run(1.0)
    rate = governor.rate
    driver.now += 1.0
    burst = []
    while governor.wait_seconds(driver.now) == 0.0:
        burst.append(governor.start(driver.now))
    for epoch in burst[20:]:
        governor.throttled(driver.now + 0.001, epoch)
    assert len(burst) > 50
    assert governor.epochs == 0
    assert governor.rate >= rate
    driver.now += 1.0
    size = 0
    while governor.wait_seconds(driver.now) == 0.0:
        governor.start(driver.now)
        size += 1
    assert size < 0.8 * len(burst)


def test_settings_are_checked() -> None:
    """Bounds that cannot be kept are refused."""
    with pytest.raises(ValueError, match="min_rate"):
        GovernorSettings(start_rate=0.1)
    with pytest.raises(ValueError, match="max_probe_seconds"):
        GovernorSettings(max_probe_seconds=0.0)


ANSWERS = st.sampled_from(["accepted", "throttled", "answered", "retry after", "silence"])


@given(st.lists(st.tuples(ANSWERS, st.floats(0.0, 3.0)), max_size=200), st.none() | st.floats(0.1, 1e4))
def test_never_out_of_bounds_and_never_stuck(
    course: list[tuple[str, float]], learned_rate: float | None
) -> None:
    """After any answers at any times, the rate is within its bounds, and the stated wait is sufficient."""
    settings = GovernorSettings(max_rate=5000.0)
    driver = Driver(Governor(settings, now=0.0, learned_rate=learned_rate))
    for answer, seconds in course:
        epoch = driver.attempt()
        driver.now += seconds
        if answer == "accepted":
            driver.governor.accepted(driver.now, epoch)
        elif answer == "answered":
            driver.governor.answered(driver.now, epoch)
        elif answer == "throttled":
            driver.governor.throttled(driver.now, epoch, None)
        elif answer == "retry after":
            driver.governor.throttled(driver.now, epoch, 0.5)
        assert settings.min_rate <= driver.governor._bucket.rate <= settings.max_rate
        assert 0.0 <= driver.governor.wait_seconds(driver.now) <= max(10.0, 1.0 / settings.min_rate)
