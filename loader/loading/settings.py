"""The settings of the parts of a load that no other command has, taken from its job."""

from loader.job import Job, address_of, run_dir_of
from loader.remote.settings import RunDirectorySettings
from loader.stage_settings.connections import s3_access


def run_directory_settings(job: Job) -> RunDirectorySettings:
    """Return where the run directory of a job is, and which part of it the load uses."""
    return RunDirectorySettings(
        folder=run_dir_of(job).absolute(),
        address=address_of(job.run_dir),
        s3=s3_access(job),
        shard=job.shard,
        restart=job.restart,
        only_reads=job.dry_run,
    )
