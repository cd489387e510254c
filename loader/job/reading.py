"""Read a job from all its origins, and say in the user's words what is wrong with it."""

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loader.errors import SettingsError
from loader.job.job_file import line_of
from loader.job.settings import Job

HELP = "scn-loader load --help lists the settings"


def read_job(
    job_file: Path | None = None, *, fallback: Mapping[str, Any] | None = None, **settings: Any
) -> Job:
    """Return the job made of ``settings``, then ``SCN_LOADER_*``, then ``job_file``, then the defaults.

    Args:
        job_file: A job file (TOML), or None.
        fallback: Settings for where nothing else says anything; they win over the defaults only.
        settings: Settings by name, as flags give them.

    Raises:
        SettingsError: The job file cannot be read, or a setting is missing or cannot be used.
    """
    try:
        if job_file is not None:
            job_file.open("rb").close()
        origins: dict[str, Any] = {
            "job_file": job_file,
            "fallback": dict(fallback or {}),
        }  # no settings: origins of them
        return Job(**settings, **origins).read_from(job_file)
    except OSError as error:
        raise SettingsError(
            "The job file cannot be read.", where=str(job_file), why=error.strerror or str(error)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("The job file is not valid TOML.", where=str(job_file), why=str(error)) from error
    except ValidationError as error:
        raise _settings_error(error, job_file, settings) from error


def _settings_error(
    error: ValidationError, job_file: Path | None, settings: Mapping[str, Any]
) -> SettingsError:
    problems = error.errors(include_url=False, include_input=False)
    elsewhere = {*settings, *(name for name in Job.model_fields if _in_environment(name))}
    text = job_file.read_text(encoding="utf-8") if job_file is not None else ""
    told = sorted((_line(problem, text, elsewhere) or 0, number) for number, problem in enumerate(problems))
    why = [
        f"{f'line {line}: ' if line else ''}{_name(problems[number])}: {_reason(problems[number])}"
        for line, number in told
    ]
    missing = all(problem["type"] == "missing" for problem in problems)
    several = len(problems) > 1
    return SettingsError(
        f"{'Settings are' if several else 'A setting is'} missing."
        if missing
        else f"{f'{len(problems)} settings' if several else 'A setting'} cannot be used.",
        where=str(job_file) if job_file is not None and not missing else "",
        why="\n         ".join(why),
        next_step=HELP,
    )


def _line(problem: ErrorDetails, text: str, elsewhere: Collection[str]) -> int | None:
    """Return the line of the job file a problem comes from; None if it comes from elsewhere."""
    place = problem["loc"] or _named_in(problem["msg"])
    if not place or place[0] in elsewhere:
        return None
    return line_of(text, place)


def _named_in(message: str) -> list[str]:
    """Return the setting that a message about several settings names first."""
    return [flag.replace("-", "_") for flag in re.findall("--([a-z-]+)", message)][:1]


def _in_environment(name: str) -> bool:
    return f"{Job.model_config['env_prefix']}{name}".upper() in {key.upper() for key in os.environ}


def _name(problem: ErrorDetails) -> str:
    location = [str(part) for part in problem["loc"]]
    if not location:
        return "job"
    if len(location) == 1 and location[0] in Job.model_fields and location[0] != "csv":
        return "--" + location[0].replace("_", "-")
    return ".".join(location)


def _reason(problem: ErrorDetails) -> str:
    match problem["type"]:
        case "missing":
            return "is needed"
        case "extra_forbidden":
            return "there is no such setting"
        case "string_pattern_mismatch" if problem["loc"][-1] == "instance_id":
            return "should be a UUID in lower case, such as 8928ae12-15e5-4441-825d-ec2184f0a43a"
        case _:
            return problem["msg"].removeprefix("Value error, ")
