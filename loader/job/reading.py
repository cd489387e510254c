"""Read a job from all its origins, and say in the user's words what is wrong with it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loader.errors import SettingsError
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
        return Job(**settings, **origins)
    except OSError as error:
        raise SettingsError(
            "The job file cannot be read.", where=str(job_file), why=error.strerror or str(error)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("The job file is not valid TOML.", where=str(job_file), why=str(error)) from error
    except ValidationError as error:
        raise _settings_error(error, job_file) from error


def _settings_error(error: ValidationError, job_file: Path | None) -> SettingsError:
    problems = error.errors(include_url=False, include_input=False)
    first, *others = [f"{_name(problem)}: {_reason(problem)}" for problem in problems]
    missing = all(problem["type"] == "missing" for problem in problems)
    return SettingsError(
        "A setting is missing." if missing else "A setting cannot be used.",
        where=str(job_file) if job_file is not None and not missing else "",
        why="\n         ".join([first, *others]),
        next_step=HELP,
    )


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
