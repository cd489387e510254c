"""The files for AWS Batch and Step Functions: by the grammar of the language and the API model."""

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from loader.cli import app
from loader.cli.terminal.command_group import imported_commands

MACHINES = Path(__file__).parents[2] / "examples" / "machines"
STATES = json.loads((MACHINES / "step-functions.json").read_text())
LOAD = STATES["States"]["Load"]["Parameters"]


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


@pytest.mark.parametrize(
    "parameters", [in_api_spelling(LOAD), json.loads((MACHINES / "batch-array-job.json").read_text())]
)
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


def test_exits_that_can_be_resumed_are_tried_again() -> None:
    """And no others: 5, 130 and 143."""
    rules = LOAD["RetryStrategy"]["EvaluateOnExit"]
    assert {rule["OnExitCode"] for rule in rules if rule["Action"] == "RETRY" and "OnExitCode" in rule} == {
        *("5", "130", "143")
    }
    assert rules[-1] == {"OnExitCode": "*", "Action": "EXIT"}
