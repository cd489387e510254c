"""A fault plan says what goes wrong with which call."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from loader.emulator import FaultKind, FaultPlan, FaultRule
from loader.emulator.faults import FaultSchedule

SEND = "SendDataIntegrationEvent"


def happened(plan: FaultPlan, calls: int, **call) -> list[int]:
    """Return the numbers of the calls that something happened to."""
    schedule, draws = FaultSchedule(plan), Random(plan.seed)
    about = {"operation": SEND, "attempt": 1, "group": "g", **call}
    return [n for n in range(1, calls + 1) if schedule.decide(call=n, draw=draws.random(), **about)]


def plan(*rules: dict[str, Any]) -> FaultPlan:
    return FaultPlan.model_validate({"rules": [{"fault": "reset", **rule} for rule in rules]})


@pytest.mark.parametrize(
    ("rule", "call", "numbers"),
    [
        ({"calls": [2, 5]}, {}, [2, 5]),
        ({"first_call": 4}, {}, [4, 5, 6]),
        ({"first_call": 2, "last_call": 3}, {}, [2, 3]),
        ({"times": 2}, {}, [1, 2]),
        ({"groups": ["h"]}, {}, []),
        ({"groups": ["h"]}, {"group": "h"}, [1, 2, 3, 4, 5, 6]),
        ({"attempts": [1]}, {"attempt": 2}, []),
        ({"attempts": [2]}, {"attempt": 2}, [1, 2, 3, 4, 5, 6]),
        ({"probability": 0.0}, {}, []),
        ({}, {"operation": "GetDataIntegrationEvent"}, []),
        (
            {"operation": "GetDataIntegrationEvent"},
            {"operation": "GetDataIntegrationEvent"},
            [1, 2, 3, 4, 5, 6],
        ),
    ],
)
def test_conditions_choose_the_calls(rule, call, numbers):
    """A rule happens to the calls that meet all its conditions, and to no others."""
    assert happened(plan(rule), 6, **call) == numbers


def test_the_first_rule_that_matches_decides():
    """Rules are tried in order; after one is used up, the next one applies."""
    rules = plan({"times": 1}, {"fault": "hang", "calls": [2]}, {"fault": "close"})
    schedule = FaultSchedule(rules)
    decided = [schedule.decide(SEND, call, 1, "g", 0.5) for call in (1, 2, 3)]
    assert [rule.fault for rule in decided if rule] == [FaultKind.RESET, FaultKind.HANG, FaultKind.CLOSE]


@pytest.mark.parametrize("chances", [[0.3], [0.3, 0.3], [0.5, 1.0], [0.1, 0.2, 0.4]])
def test_each_rule_has_its_own_chance(chances):
    """Over many calls each rule happens as often as its probability says, of the calls left to it."""
    schedule = FaultSchedule(plan(*({"probability": chance} for chance in chances)))
    draws, calls = Random(1), 20_000
    counts = [0] * len(chances)
    for call in range(1, calls + 1):
        rule = schedule.decide(SEND, call, 1, "g", draws.random())
        if rule is not None:
            counts[[other is rule for other in schedule.plan.rules].index(True)] += 1
    left = float(calls)
    for chance, count in zip(chances, counts, strict=True):
        assert count == pytest.approx(left * chance, rel=0.06)
        left -= count


@settings(deadline=None)  # a busy machine must not fail it
@given(st.integers(0, 2**32), st.floats(0.01, 0.99))
def test_a_seed_repeats_its_faults(seed, probability):
    """The same seed makes the same calls go wrong."""
    rules = FaultPlan(seed=seed, rules=[{"fault": "reset", "probability": probability}])
    assert happened(rules, 50) == happened(rules, 50)


def test_fault_plans_are_read_from_toml_and_json(tmp_path):
    """TOML and JSON files say the same plan as Python."""
    toml, json = tmp_path / "plan.toml", tmp_path / "plan.json"
    toml.write_text(
        'seed = 7\n[[rules]]\nfault = "error"\ncode = "RequestExpired"\ncalls = [1]\n'
        '[[rules]]\nfault = "hang"\nseconds = 2.5\nprobability = 0.1\n'
    )
    expected = FaultPlan(
        seed=7,
        rules=[
            FaultRule(fault=FaultKind.ERROR, code="RequestExpired", calls={1}),
            FaultRule(fault=FaultKind.HANG, seconds=2.5, probability=0.1),
        ],
    )
    json.write_text(expected.model_dump_json())
    assert FaultPlan.from_file(toml) == FaultPlan.from_file(json) == expected


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "unheard_of"},
        {"fault": "error"},
        {"fault": "reset", "code": "ValidationException"},
        {"fault": "error", "code": "UnheardOfException"},
        {"fault": "reset", "probability": 1.1},
        {"fault": "reset", "cals": [1]},
        {"fault": "reset", "first_call": 0},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(rule):
    """A misspelled or impossible rule is an error, not a rule that never happens."""
    with pytest.raises(ValidationError):
        FaultPlan(rules=[rule])


def test_an_unknown_code_needs_a_status():
    """Unknown codes can be injected, with a status."""
    rule = FaultRule(fault=FaultKind.ERROR, code="BrandNewException", status=418)
    assert (rule.name, rule.comes_before_acceptance) == ("BrandNewException", True)


def test_a_rule_can_hold_for_a_while():
    """``from_seconds`` and ``until_seconds`` count from the moment the plan was set."""
    schedule = FaultSchedule(plan({"from_seconds": 10, "until_seconds": 55}))
    happens = [
        schedule.decide(SEND, 1, 1, "g", 0.5, elapsed_seconds=at) is not None for at in (0, 9.9, 10, 54.9, 55)
    ]
    assert happens == [False, False, True, True, False]


def test_a_codeless_answer_needs_a_status():
    """There is no status that all middleboxes refuse with."""
    with pytest.raises(ValidationError, match="needs a status"):
        FaultPlan.model_validate({"rules": [{"fault": "codeless"}]})
