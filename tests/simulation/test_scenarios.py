"""The governor against simulated services: each scenario file states the ranges it must meet."""

import pytest

from tests.simulation.scenario import Scenario, scenarios

SCENARIOS = scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_scenario(scenario: Scenario) -> None:
    """What the scenario measures lies in the ranges that it states, whatever the seed."""
    for seed in scenario.seeds:
        measured = scenario.run(seed)
        missed = {str(each): value for each, value in measured.items() if not each.is_met_by(value)}
        assert not missed, f"seed {seed}"


def test_runs_are_repeatable() -> None:
    """The same scenario and seed give the same numbers, so a failure can be looked at again."""
    scenario = next(each for each in SCENARIOS if each.name == "noise-500")
    assert scenario.run(7) == scenario.run(7)
