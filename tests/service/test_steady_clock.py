"""The clock that tokens age by."""

import time

from loader.service.steady_clock import SteadyClock, elapsed_seconds


def test_it_is_set_once_and_then_only_time_passes() -> None:
    """Whatever the machine's clock is set to later."""
    wall, elapsed = [1_000_000.0], [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: elapsed[0])
    assert clock() == 1_000_000.0
    wall[0] += 9 * 3600
    assert clock() == 1_000_000.0
    elapsed[0] += 60
    assert clock() == 1_000_060.0


def test_it_counts_suspension_where_the_system_does() -> None:
    """On Linux the seconds are those since the machine was started, asleep or not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(elapsed_seconds() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
    before = elapsed_seconds()
    time.sleep(0.01)
    assert 0.01 <= elapsed_seconds() - before < 5
