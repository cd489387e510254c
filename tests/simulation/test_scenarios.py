"""The governor against simulated services: each scenario file has the bounds of its measures."""

from collections.abc import Sequence

import pytest

from tests.simulation.scenario import Scenario, scenarios

SCENARIOS = scenarios()


NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_scenario(scenario: Scenario) -> None:
    """The values that the scenario measures are in its ranges."""
    check(scenario, scenario.seeds[:1])


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_scenario_with_other_chances(scenario: Scenario) -> None:
    """It does so whatever the seed."""
    check(scenario, scenario.seeds[1:])


def check(scenario: Scenario, seeds: Sequence[int]) -> None:
    """Run a scenario with each of some seeds."""
    for seed in seeds:
        measured = scenario.run(seed)
        missed = {str(each): value for each, value in measured.items() if not each.is_met_by(value)}
        assert not missed, f"seed {seed}"


def test_runs_are_repeatable() -> None:
    """The same scenario and seed give the same numbers, so a failure can be reproduced."""
    scenario = next(each for each in SCENARIOS if each.name == "noise-50")
    assert scenario.run(7) == scenario.run(7)
