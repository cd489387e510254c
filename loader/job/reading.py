"""Read a job from all its origins."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loader.errors import SettingsError
from loader.job.settings import Job


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
