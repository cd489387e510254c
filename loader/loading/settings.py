"""The settings of the parts of a load that no other command has, taken from its job."""

from loader.delivery.settings import DeliverySettings, share_of_ceiling
from loader.job import Job, address_of, run_dir_of
from loader.loading.doubts import DoubtRule
from loader.loading.error_limits import ErrorLimits
from loader.loading.running.settings import SessionSettings
from loader.model import Operation
from loader.remote.settings import RunDirectorySettings
from loader.stage_settings.connections import s3_access


def session_settings(job: Job) -> SessionSettings:
    """Return the settings of a run of a job."""
    return SessionSettings(
        destination=job.destination,
        run_dir=run_dir_of(job).absolute(),
        delivery=delivery_settings(job),
        max_in_flight=job.max_in_flight,
        forget_rate=job.forget_rate,
        retry_failed=job.retry_failed,
        limits=error_limits(job),
        doubt=DoubtRule(job.in_doubt, may_repeat=_may_repeat(job)),
    )


def delivery_settings(job: Job) -> DeliverySettings:
    """Return the settings of the delivery of a job."""
    rate, burst = share_of_ceiling(job.rate, job.burst, job.shard)
    return DeliverySettings(
        rate=rate,
        burst=burst,
        max_held_bytes=job.max_held_bytes,
        on_failure=job.on_failure,
        drain_seconds=job.drain_seconds,
        give_up_seconds=job.give_up_after.seconds,
        may_repeat=_may_repeat(job),
    )


def error_limits(job: Job) -> ErrorLimits:
    """Return the limits of errors at which a job stops."""
    return ErrorLimits(of_load=job.max_errors, of_file=job.max_errors_per_file)


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


def _may_repeat(job: Job) -> bool:
    """Return whether a repeated record is harmless. APPEND adds it twice."""
    return job.operation is not Operation.APPEND
