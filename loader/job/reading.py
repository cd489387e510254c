"""Read a job from all its sources."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings

from loader.errors import SettingsError
from loader.job.refusal import ENV_PREFIX
from loader.job.settings import Job

MAX_JOB_BYTES = 2**20
"""Maximum size of a job file: about a hundred times a mapping of all 500 columns of a dataset."""


def read_job(
    job_file: Path | str | None = None, *, fallback: Mapping[str, Any] | None = None, **settings: Any
) -> Job:
    """Return the job from ``settings``, ``SCN_LOADER_*``, ``job_file`` and the defaults, in this priority.

    Args:
        job_file: A job file (TOML), or None.
        fallback: Settings with the lowest priority, above the defaults only.
        settings: Settings by name, as from flags.

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
        }  # these are sources of settings, not settings
        return Job(**settings, **origins).read_from(job_file)
    except OSError as error:
        raise SettingsError(
            "The job file cannot be read.",
            where=str(job_file),
            why=error.strerror or str(error),
            next_step="check the path and its spelling, and that you may read the file",
        ) from error
    except pydantic_settings.SettingsError as error:
        raise SettingsError(
            "A setting cannot be used.",
            where=_variable(error),
            why="its value is not valid JSON",
            next_step="correct or remove the variable: lists and tables are written as JSON in it",
        ) from error
    except (
        ValueError
    ) as error:  # tomllib raises it, also for bytes that are not UTF-8 and for too long numbers
        raise SettingsError(
            "The job file is not valid TOML.",
            where=str(job_file),
            why=str(error),
            next_step="correct the line; texts are in quotes, and a backslash needs single quotes",
        ) from error
    except RecursionError as error:
        raise SettingsError(
            "The settings cannot be read.",
            where=str(job_file or f"the environment ({ENV_PREFIX}*)"),
            why="lists or tables are nested too deeply",
            next_step="check the file: no setting needs such a depth",
        ) from error


def _variable(error: pydantic_settings.SettingsError) -> str:
    """Return the environment variable that could not be parsed; the library's message has its setting."""
    named = re.search('field "(.*?)"', str(error))
    return f"the environment variable {ENV_PREFIX}{named[1].upper() if named else '*'}"


def _check_size(job_file: Path) -> None:
    """Reject a job file that is far too large.

    Raises:
        SettingsError: The job file is too large.
        OSError: The job file cannot be read.
    """
    with job_file.open("rb") as opened:
        size_bytes = len(opened.read(MAX_JOB_BYTES + 1))
    if size_bytes > MAX_JOB_BYTES:
        raise SettingsError(
            "The job file is too large.",
            where=str(job_file),
            why=f"it has more than {MAX_JOB_BYTES:,} bytes",
            next_step="check the path: a job file holds settings only, and names the extract",
        )
