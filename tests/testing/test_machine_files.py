"""The files for schedulers: by the grammar of their language, the model of the API, and what they repeat."""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from loader.cli import app
from loader.cli.terminal.command_group import imported_commands
from loader.errors import ExitCode

EXAMPLES = Path(__file__).parents[2] / "examples"
MACHINES = EXAMPLES / "machines"
STATES = json.loads((MACHINES / "step-functions.json").read_text())
LOAD = STATES["States"]["Load"]["Parameters"]
ARRAY_JOB = json.loads((MACHINES / "batch-array-job.json").read_text())


def parser() -> Any:
    """Return moto's parser of the language. It imports for a second, so only its tests wait for it."""
    from moto.stepfunctions.parser.asl.parse import asl_parser

    return asl_parser


def in_api_spelling(value: Any) -> Any:
    """Return parameters of an optimized integration as the API spells them: ``JobName`` is ``jobName``."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: in_api_spelling(each) for name, each in value.items()}
    return [in_api_spelling(each) for each in value] if isinstance(value, list) else value


def test_the_state_machine_is_in_the_language_of_states() -> None:
    """The grammar reads it, every state is there and is reached; a misspelt field would be refused."""
    parser().AmazonStateLanguageParser.parse(json.dumps(STATES))
    with pytest.raises(parser().ASLParserException):
        parser().AmazonStateLanguageParser.parse(json.dumps(STATES).replace('"ErrorEquals"', '"ErrorEqual"'))
    text = json.dumps(STATES)
    reached = {STATES["StartAt"], *re.findall(r'"(?:Next|Default)": "([^"]+)"', text)}
    assert reached == STATES["States"].keys()


@pytest.mark.parametrize("parameters", [in_api_spelling(LOAD), ARRAY_JOB])
def test_the_jobs_are_calls_of_batch(parameters: dict[str, Any]) -> None:
    """Botocore's model of SubmitJob takes them, and the loader their command line."""
    client = botocore.session.get_session().create_client("batch", region_name="us-east-1")
    shape = client.meta.service_model.operation_model("SubmitJob").input_shape
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    name, *arguments = parameters["containerOverrides"]["command"]
    command = imported_commands(app)[name]
    assert {each for each in arguments if each.startswith("--")} <= {
        option for parameter in command.params for option in parameter.opts
    }


KILLED = 137
"""Exit code of a container whose process SIGKILL ended: 128 + 9."""

RESUMABLE = {ExitCode.STOPPED_RESUMABLE, ExitCode.INTERRUPTED, ExitCode.TERMINATED, KILLED}
"""Exit codes after which the same command resumes the load."""

CODES = {*ExitCode, KILLED} - {ExitCode.DELIVERED, ExitCode.PLAN_DOES_NOT_FIT}
"""Exit codes of a load that did not deliver everything; 8 is one of ``plan``."""

MOST_RULES = 5
"""Batch accepts at most 5 rules in ``evaluateOnExit``, says the API reference of ``RetryStrategy``."""


def repeated_by_batch(submit_job: dict[str, Any]) -> set[int]:
    """Return the exit codes after which the first rule that applies repeats the job."""
    rules = submit_job["retryStrategy"]["evaluateOnExit"]
    assert len(rules) <= MOST_RULES
    return {code for code in CODES if _first_rule(rules, code)["action"] == "RETRY"}


def _first_rule(rules: list[dict[str, str]], code: int) -> dict[str, str]:
    return next(rule for rule in rules if fnmatch(str(code), rule.get("onExitCode", "")))


def repeated_by_kubernetes() -> set[int]:
    """Return the exit codes after which a new pod runs: the rule gives up all others."""
    text = (MACHINES / "kubernetes-indexed-job.yaml").read_text()
    ((operator, values),) = re.findall(r"operator: (\w+)\n *values: \[(.*)\]", text)
    assert (operator, "action: FailIndex" in text) == ("NotIn", True)
    return {int(value) for value in values.split(",")}


def repeated_by_systemd() -> set[int]:
    """Return the exit codes after which ``Restart=on-failure`` starts the unit again."""
    text = (EXAMPLES / "systemd" / "scn-loader-nightly.service").read_text()
    assert "Restart=on-failure" in text
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)", text, re.MULTILINE)
    (successes,) = re.findall(r"^SuccessExitStatus=(.*)", text, re.MULTILINE)
    return set(CODES - {int(code) for code in f"{prevented} {successes}".split()})


def repeated_by_airflow() -> set[int]:
    """Return the exit codes after which the task is retried. A program that SIGKILL ended has the code -9."""
    text = (EXAMPLES / "airflow_dag.py").read_text()
    (codes,) = re.findall(r"^RESUMABLE = \((.*)\)", text, re.MULTILINE)
    killed = {KILLED} if "code in RESUMABLE or code < 0:" in text else set()
    return {int(code) for code in codes.split(",")} | killed


@pytest.mark.parametrize(
    "repeated",
    [
        partial(repeated_by_batch, ARRAY_JOB),
        partial(repeated_by_batch, in_api_spelling(LOAD)),
        repeated_by_kubernetes,
        repeated_by_systemd,
        repeated_by_airflow,
    ],
    ids=["array job", "state machine", "Kubernetes", "systemd", "Airflow"],
)
def test_a_scheduler_repeats_what_can_be_resumed(repeated: Callable[[], set[int]]) -> None:
    """And nothing else: a load with rejected rows would run five times."""
    assert repeated() == RESUMABLE
