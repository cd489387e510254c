"""The pace of a load: speeds, time left, and standing still."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loader.report.display import plain_line
from loader.report.progress import STILL_SECONDS, WARM_UP_SECONDS, RateMeter, Snapshot, time_left

MOVING = Snapshot(rows_total=1_000_000, phase="delivering", in_flight=10, in_flight_cap=100)


def at(seconds: float, rows: int, **changes: object) -> Snapshot:
    """Return a snapshot in which each row is an event that took one attempt."""
    counts = {"rows_done": rows, "events_accepted": rows, "attempts": rows, "seconds": seconds}
    return replace(MOVING, **(counts | changes))  # type: ignore[arg-type] # changes name attributes


counters = st.tuples(
    st.floats(-1, 100), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()
)


@given(total=st.none() | st.integers(0, 10**6), steps=st.lists(counters, max_size=30))
def test_pace_holds_for_any_counters(total, steps):
    """Whatever the counters do, no speed and no time left is negative or infinite."""
    meter = RateMeter()
    seconds = 0.0
    for step_seconds, rows, attempts, throttled, paused in steps:
        seconds += step_seconds
        pace = meter.observe(
            at(
                seconds,
                rows,
                rows_total=total,
                attempts=attempts,
                throttled=throttled,
                phase="paused: quota" if paused else "delivering",
            )
        )
        low, high = pace.seconds_left or (0.0, 0.0)
        assert 0 <= low <= high < math.inf
        assert 0 <= pace.throttled_share <= 1
        assert 0 <= pace.events_per_second < math.inf
        assert 0 <= pace.rows_per_second < math.inf
        assert total is not None or pace.seconds_left is None


@given(rows_per_second=st.integers(1, 20_000), pauses=st.lists(st.floats(0.05, 3), min_size=40, max_size=60))
def test_time_left_converges_at_a_constant_speed(rows_per_second, pauses):
    """At a constant speed both ends of the range are what is left divided by that speed."""
    assume(sum(pauses) > 20)  # rounding to whole rows weighs less with time
    meter = RateMeter()
    total = 10**9
    seconds = 0.0
    pace = meter.observe(at(0.0, 0, rows_total=total))
    for pause in pauses:
        seconds += pause
        rows = int(rows_per_second * seconds)
        pace = meter.observe(at(seconds, rows, rows_total=total))
    assert pace.seconds_left is not None
    expected = (total - rows) / rows_per_second
    tolerance = 0.01 + 2 / rows_per_second
    assert pace.seconds_left == pytest.approx((expected, expected), rel=tolerance)
    if pauses[-1] > 0.5:
        assert pace.rows_per_second == pytest.approx(rows_per_second, rel=0.2, abs=2)


def test_time_left_spans_the_recent_and_the_overall_speed():
    """After the load got slower, the range reaches from the old speed to the new one."""
    meter = RateMeter()
    for second in range(300):
        meter.observe(at(second, 1000 * second, rows_total=10**6))
    rows = 299_000
    for second in range(300, 900):
        rows += 100
        pace = meter.observe(at(second, rows, rows_total=10**6))
    overall, recent = rows / 899, 100
    assert pace.seconds_left == pytest.approx(((10**6 - rows) / overall, (10**6 - rows) / recent), rel=0.01)


def test_a_resumed_load_is_not_credited_with_the_rows_of_earlier_runs():
    """The speed behind the time left counts from where this run began."""
    meter = RateMeter()
    for second in range(60):
        pace = meter.observe(at(second, 900_000 + 10 * second))
    assert pace.seconds_left == pytest.approx(((100_000 - 590) / 10,) * 2, rel=0.01)


def test_no_time_left_is_invented():
    """Nothing is said without a total, nor before the first seconds, and no row left means none."""
    meter = RateMeter()
    meter.observe(at(0, 0))
    assert meter.observe(at(WARM_UP_SECONDS - 0.1, 1000)).seconds_left is None
    assert meter.observe(at(WARM_UP_SECONDS + 0.1, 1100)).seconds_left is not None
    assert meter.observe(at(5, 2000, rows_total=None)).seconds_left is None
    assert meter.observe(at(6, 2000, rows_total=2000)).seconds_left == (0.0, 0.0)
    assert meter.observe(at(7, 2500, rows_total=2000)).seconds_left == (0.0, 0.0)


ENDINGS = {
    "every row is done": (at(60, 10**6, in_flight=0), "finishing"),
    "more rows than expected": (at(60, 10**6 + 1, in_flight=0), "finishing"),
    "drained at the end": (at(60, 10**6, in_flight=0, phase="draining"), "finishing"),
    "drains with one call": (at(60, 6000, in_flight=1, phase="draining"), "1 call in flight"),
    "drains with calls": (at(60, 6000, in_flight=12, phase="draining"), "12 calls in flight"),
    "drains without a total": (
        at(60, 6000, in_flight=2, rows_total=None, phase="draining"),
        "2 calls in flight",
    ),
    "drained after a stop": (at(60, 6000, in_flight=0, phase="draining"), "finishing"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_load_that_ends_shows_what_it_waits_for(ending):
    """No time is estimated once nothing more is sent: neither at 100 % nor after a signal."""
    now, words = ENDINGS[ending]
    meter = RateMeter()
    for second in range(60):
        pace = meter.observe(at(second, 100 * second))
        assert "left" in time_left(MOVING, pace) or second <= WARM_UP_SECONDS
    pace = meter.observe(now)
    assert time_left(now, pace) == words
    assert words in plain_line(now, pace)
    assert " left" not in plain_line(now, pace)
    assert (pace.seconds_left or (0.0, 0.0)) == (0.0, 0.0)


def test_a_pause_is_shown_and_does_not_change_the_later_estimate():
    """A deliberate pause is shown instead of the time left, and the estimate continues after it."""
    meter = RateMeter()
    for second in range(300):
        before = meter.observe(at(second, 100 * second))
    for second in range(300, 330):
        paused = meter.observe(at(second, 29_900, phase="paused: quota"))
        assert paused.standing == "paused: quota"
        assert paused.seconds_left is None
    for second in range(330, 336):
        after = meter.observe(at(second, 29_900 + 100 * (second - 329)))
    assert after.standing == ""
    assert before.seconds_left is not None
    assert after.seconds_left is not None
    assert after.seconds_left[0] == pytest.approx(before.seconds_left[0], rel=0.02)
    assert after.seconds_left[1] == pytest.approx(before.seconds_left[1], rel=0.15)


@pytest.mark.parametrize(
    ("throttled", "in_flight", "text"),
    [
        (True, 10, "throttled, no progress for 20 s"),
        (False, 10, "waiting for answers, no progress for 20 s"),
        (False, 0, "standing still, no progress for 20 s"),
    ],
)
def test_a_load_without_progress_shows_the_cause(throttled, in_flight, text):
    """A load without progress says so and why, in place of a time left."""
    meter = RateMeter()
    for second in range(10):
        meter.observe(at(second, 100 * second))
    for second in range(10, 30):
        refused = 50 * (second - 9) if throttled else 0
        pace = meter.observe(at(second, 900, attempts=900 + refused, throttled=refused, in_flight=in_flight))
        if second - 9 < STILL_SECONDS:
            assert pace.standing == ""
    assert pace.standing == text
    assert pace.seconds_left is None


def test_a_snapshot_that_is_not_newer_changes_nothing():
    """Two snapshots of one moment give one pace."""
    meter = RateMeter()
    meter.observe(at(0, 0))
    pace = meter.observe(at(5, 500))
    assert meter.observe(at(5, 900)) == pace
    assert meter.observe(at(4, 900)) == pace


def test_throttled_share_is_of_the_recent_attempts():
    """A burst of throttles fades from the share within some seconds."""
    meter = RateMeter()
    meter.observe(at(0, 0))
    burst = meter.observe(at(1, 50, attempts=100, throttled=50))
    for second in range(2, 40):
        pace = meter.observe(at(second, 50 + 100 * second, attempts=100 * second, throttled=50))
    assert burst.throttled_share == pytest.approx(0.5)
    assert pace.throttled_share < 0.001
