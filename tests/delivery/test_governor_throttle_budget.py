"""How many throttles are chance."""

from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.throttle_budget import (
    TOLERATED_SHARE,
    UNEVEN_SECONDS,
    ThrottleBudget,
    chance,
    rest_seconds,
)


def test_the_tolerated_share_is_never_too_much() -> None:
    """Evenly spread throttles of less than the tolerated share do nothing, however many."""
    budget = ThrottleBudget()
    every = int(1 / TOLERATED_SHARE) + 1
    assert not any(budget.spend(number, 1.0) for number in range(every, 1000 * every, every))


def test_more_than_that_soon_is() -> None:
    """Throttles in a row spend the budget with the first in excess."""
    budget = ThrottleBudget()
    assert [budget.spend(number, 1.0) for number in (100, 101)] == [False, True]


def test_a_renewed_budget_has_forgotten() -> None:
    """What was before the last cut does not count any more."""
    budget = ThrottleBudget()
    budget.spend(1, 1.0)
    budget.renew(1)
    assert not budget.spend(2, 1.0)


@given(st.floats(0.2, 1e5), st.floats(1.0, 10.0))
def test_chance_grows_slower_than_the_rate(rate: float, factor: float) -> None:
    """A load that is faster has less patience per event, so that it yields to one that is slower."""
    assert chance(rate) <= chance(factor * rate) <= factor * chance(rate) + 1e-9


@given(st.floats(0.2, 1e5))
def test_a_rest_makes_up_for_what_is_not_chance(rate: float) -> None:
    """What chance is left for and what a rest saves are as many attempts as may arrive at once."""
    rest = rest_seconds(rate)
    assert 0.0 <= rest < UNEVEN_SECONDS
    assert rest == 0.0 or abs(rest * rate + chance(rate) - UNEVEN_SECONDS * rate) < 1e-6 * rate
