"""A setting that is spelled wrongly in the environment is not ignored silently."""

import typer

from loader.cli.load import load
from loader.cli.terminal.unknown_variables import OWN_VARIABLES, unknown_variables
from loader.job import Job
from loader.job.refusal import ENV_PREFIX


def test_a_variable_that_is_no_setting_is_named_with_the_nearest_one():
    """Upper and lower case are equal, and other variables are not looked at."""
    environment = {
        "SCN_LOADER_MAX_ERROR": "10",
        "scn_loader_rate": "5",
        "SCN_LOADER_LOG_FORMAT": "json",
        "AWS_REGION": "eu-west-1",
        "SCN_LOADER_XYZZY": "1",
    }
    near, far = unknown_variables(environment, Job.model_fields)
    assert near.endswith(
        "SCN_LOADER_MAX_ERROR is not a setting and is ignored. Did you mean SCN_LOADER_MAX_ERRORS?"
    )
    assert far.endswith("is ignored.")


def test_every_variable_of_the_command_is_known():
    """No flag of the command has a variable that would be called unknown."""
    app = typer.Typer()
    app.command()(load)
    variables = {each.envvar for each in typer.main.get_command(app).params if each.envvar}
    assert variables == {ENV_PREFIX + name for name in OWN_VARIABLES}
