"""Read a job from all its origins."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings

from loader.errors import SettingsError
from loader.job.refusal import ENV_PREFIX
from loader.job.settings import Job

MAX_JOB_BYTES = 2**20
"""Largest job file: some hundred times what a mapping of all 500 columns of a dataset needs."""


def read_job(
    job_file: Path | str | None = None, *, fallback: Mapping[str, Any] | None = None, **settings: Any
) -> Job:
    """Return the job made of ``settings``, then ``SCN_LOADER_*``, then ``job_file``, then the defaults.

    Args:
        job_file: A job file (TOML), or None.
        fallback: Settings with the lowest priority; they win over the defaults only.
        settings: Settings by name, as flags give them.

    Raises:
        SettingsError: The job file cannot be read, or a setting is missing or cannot be used.
    """
    job_file = Path(job_file) if job_file is not None else None
    try:
        if job_file is not None:
            _check_size(job_file)
        origins: dict[str, Any] = {
            "job_file": job_file,
            "fallback": dict(fallback or {}),
        }  # no settings: origins of them
        return Job(**settings, **origins).read_from(job_file)
    except OSError as error:
        raise SettingsError(
            "The job file cannot be read.", where=str(job_file), why=error.strerror or str(error)
        ) from error
    except pydantic_settings.SettingsError as error:
        raise SettingsError(
            "A setting cannot be used.", where=_variable(error), why="its value is not valid JSON"
        ) from error
    except ValueError as error:  # of tomllib: also bytes that are not UTF-8, and numbers of too many digits
        raise SettingsError("The job file is not valid TOML.", where=str(job_file), why=str(error)) from error
    except RecursionError as error:
        raise SettingsError(
            "The settings cannot be read.",
            where=str(job_file or f"the environment ({ENV_PREFIX}*)"),
            why="lists or tables are nested too deeply",
        ) from error


def _variable(error: pydantic_settings.SettingsError) -> str:
    """Return the environment variable that could not be parsed; the library's message names its setting."""
    named = re.search('field "(.*?)"', str(error))
    return f"the environment variable {ENV_PREFIX}{named[1].upper() if named else '*'}"


def _check_size(job_file: Path) -> None:
    """Refuse a job file of a size that no job has.

    Raises:
        SettingsError: It is too large.
        OSError: It cannot be read.
    """
    with job_file.open("rb") as opened:
        size_bytes = len(opened.read(MAX_JOB_BYTES + 1))
    if size_bytes > MAX_JOB_BYTES:
        raise SettingsError(
            "The job file is too large.",
            where=str(job_file),
            why=f"it has more than {MAX_JOB_BYTES:,} bytes",
            next_step="a job file holds settings only; the extract is named in it or given beside it",
        )
