"""Plain controllers run through the scenarios of the governor, and the ablation removes rules."""

import pytest

from benchmarks.ablated_rules import RULES
from benchmarks.ablation import GOVERNOR, SIBLINGS, measure, run, table_lines
from tests.simulation.scenario import scenarios
from tests.simulation.simulated_loader import new_governor

SMALL = next(each for each in scenarios() if each.name == "quota-50-burst-5")


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_plain_controller_finds_a_limit_and_holds_less_of_it(name: str) -> None:
    """AIMD and CUBIC stay below the quota on average, which is the reason for the governor."""
    plain, ours = measure(SMALL, SIBLINGS[name]), measure(SMALL, new_governor)
    assert 0.3 < plain.accepted < ours.accepted


def test_a_rule_that_is_taken_out_is_back_afterwards() -> None:
    """The same scenario gives the same score before and after a run without a rule."""
    before = run((GOVERNOR, SMALL))
    without = run(("tolerated share", SMALL))
    assert run((GOVERNOR, SMALL)) == before != without
    lines = table_lines({GOVERNOR: [before], "tolerated share": [without]})
    assert lines[-1].startswith("| tolerated share | throttle_budget.py |")


def test_every_rule_changes_something_that_exists() -> None:
    """A rule of the table that no longer exists in the code is an error, not a rule without cost."""
    for rule in RULES.values():
        with rule.taken_out():
            assert all(getattr(where, name) == value for where, name, value in rule.changes)
