"""Errors for settings that cannot be used, in terms of the user."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loader.command_line import scn_loader
from loader.errors import SettingsError
from loader.job.job_file import line_of

ENV_PREFIX = "SCN_LOADER_"

MOST_SHOWN = 20
"""Maximum number of settings in an error; finding the line of each takes time."""


def settings_error(
    error: ValidationError, job_file: Path | None, given: Collection[str], names: Collection[str]
) -> SettingsError:
    """Return the error for settings that cannot be used.

    Args:
        error: The result of the validation.
        job_file: The job file that was read, or None.
        given: Names of settings that come from neither the job file nor the environment.
        names: Names of all settings.
    """
    problems = error.errors(include_url=False, include_input=False)
    elsewhere = {*given, *(name for name in names if _in_environment(name))}
    text = job_file.read_text(encoding="utf-8") if job_file is not None else ""
    shown = problems[:MOST_SHOWN]
    placed = sorted((_line(problem, text, elsewhere) or 0, number) for number, problem in enumerate(shown))
    why = [
        f"{f'line {line}: ' if line else ''}{_name(problems[number], names)}: {_reason(problems[number])}"
        for line, number in placed
    ]
    why += [f"and {len(problems) - MOST_SHOWN:,} more"] if len(problems) > MOST_SHOWN else []
    missing = all(problem["type"] == "missing" for problem in problems)
    flags_only = all(problem["loc"] and problem["loc"][0] in elsewhere for problem in problems)
    several = len(problems) > 1
    return SettingsError(
        f"{'Settings are' if several else 'A setting is'} missing."
        if missing
        else f"{f'{len(problems)} settings' if several else 'A setting'} cannot be used.",
        where=str(job_file) if job_file is not None and not missing and not flags_only else "",
        why="\n".join(why),
        next_step=_next_step(problems),
    )


def _next_step(problems: Collection[ErrorDetails]) -> str:
    """Return what to do: event types are in a list of their own, and a rehearsal needs no instance."""
    missing = {problem["loc"][0] for problem in problems if problem["type"] == "missing" and problem["loc"]}
    steps = []
    if "event_type" in missing:
        steps.append(f"list the event types:\n{scn_loader('datasets')}")
    if "instance_id" in missing:
        steps.append("name the instance with --instance-id, or rehearse the load without one with --emulate")
    if len(steps) < len(problems):
        steps.append(f"the help of load describes each setting:\n{scn_loader('load', '--help')}")
    return "\n".join(steps)


def _line(problem: ErrorDetails, text: str, elsewhere: Collection[str]) -> int | None:
    """Return the line of a problem in the job file; None if it is not in the job file."""
    place = problem["loc"] or _named_in(problem["msg"])
    if not place or place[0] in elsewhere:
        return None
    return line_of(text, place)


def _named_in(message: str) -> list[str]:
    """Return the setting that a message about several settings names first."""
    return [flag.replace("-", "_") for flag in re.findall("--([a-z-]+)", message)][:1]


def _in_environment(name: str) -> bool:
    return f"{ENV_PREFIX}{name}".upper() in {key.upper() for key in os.environ}


def _name(problem: ErrorDetails, names: Collection[str]) -> str:
    location = [str(part) for part in problem["loc"]]
    if not location:
        return "job"
    if len(location) == 1 and location[0] in names and location[0] != "csv":
        return "--" + location[0].replace("_", "-")
    return ".".join(location)


def _reason(problem: ErrorDetails) -> str:
    match problem["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "this setting does not exist"
        case "string_pattern_mismatch" if problem["loc"][-1] == "instance_id":
            return "should be a UUID in lower case, such as 8928ae12-15e5-4441-825d-ec2184f0a43a"
        case _:
            return problem["msg"].removeprefix("Value error, ")
