"""The engine that runs the shards of a load."""

from loader.aws.signing import Credentials
from loader.errors import SettingsError
from loader.job import Job
from loader.job.sections import Engine
from loader.loading.observers import Ending, Observers
from loader.runners.workers import run_workers


def run_shards(
    job: Job, observers: Observers, *, command: str = "", key: Credentials | None = None
) -> Ending:
    """Deliver the shards of a load with the engine of the job, and return the end of the load.

    Args:
        job: The settings; ``workers`` is the number of shards.
        observers: Observers of the load.
        command: The command line that runs the load again.
        key: The key used for signing. Without one, each worker looks it up.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    if job.engine is Engine.LOCAL:
        return run_workers(job, observers, command=command, key=key)
    try:
        from loader.runners.ray import run_on_ray  # noqa: PLC0415 - an extra that takes a second to import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ray":
            raise
        raise SettingsError(
            "Ray is not installed, and --engine ray needs it.",
            why="it is an extra of scn-loader",
            next_step="pip install 'scn-loader[ray]'",
        ) from error
    return run_on_ray(job, observers, command=command, key=key)
