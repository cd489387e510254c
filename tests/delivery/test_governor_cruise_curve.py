"""The curve at a known limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.cubic_curve import CRUISE_CUT, LONGEST_PERIOD_SECONDS, OUTGROWN, CubicCurve


@given(st.floats(0.2, 1e5), st.floats(0.5, 1.0), st.floats(1.0, 10.0))
def test_goes_through_its_points(limit: float, cut: float, period: float) -> None:
    """It starts at the rate it was given, reaches the limit at its period, and never falls."""
    curve = CubicCurve(limit, cut * limit, period)
    rates = [curve.advance(period / 100) for _ in range(300)]
    assert cut * limit <= rates[0] + 1e-9 * limit
    assert rates[99] == pytest.approx(limit, rel=1e-6)
    assert rates == sorted(rates)


def test_the_mean_is_the_limit() -> None:
    """Over two periods it saves below the limit what it spends above it."""
    curve = CubicCurve(500.0, CRUISE_CUT * 500.0, 2.0)
    rates = [curve.advance(0.001) for _ in range(4000)]
    assert sum(rates) / len(rates) == pytest.approx(500.0, rel=1e-3)


def test_outgrown_limits_are_noticed() -> None:
    """Without a throttle the limit counts as moved soon after two periods, not before."""
    curve = CubicCurve(500.0, CRUISE_CUT * 500.0, 2.0)
    seconds = 0.0
    while not curve.is_outgrown:
        assert curve.advance(0.02) < OUTGROWN * 500.0 * 1.01
        seconds += 0.02
    assert 4.0 < seconds < 5.0


def test_low_limits_are_outgrown_later() -> None:
    """At 2/s a few events beyond the limit may be the service's burst allowance."""
    curve = CubicCurve(2.0, CRUISE_CUT * 2.0, 2.0)
    assert curve.advance(4.5) > OUTGROWN * 2.0
    assert not curve.is_outgrown


def test_periods_grow_while_the_limit_stays() -> None:
    """Each throttle that was due doubles the period, up to a bound that is longer at low rates."""
    few, many = LONGEST_PERIOD_SECONDS
    fast, slow = CubicCurve(1000.0, 970.0, 2.0), CubicCurve(10.0, 9.7, 2.0)
    assert fast.longer_period(1000.0) == few
    assert slow.longer_period(10.0) == 4.0
    assert CubicCurve(10.0, 9.7, 8.0).longer_period(10.0) == many
