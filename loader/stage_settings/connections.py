"""The settings of connections to AWS, taken from a job."""

from loader.job import Job
from loader.service.settings import ClientSettings, ServiceAccess
from loader.sources.s3_client import S3Access


def service_access(job: Job) -> ServiceAccess:
    """Return where the service is and with whose credentials a job reaches it."""
    return ServiceAccess(job.region, job.profile, job.endpoint_url)


def s3_access(job: Job) -> S3Access:
    """Return with whose credentials a job reads its extract from S3, and reaches its run directory there."""
    return S3Access(job.extract_profile or job.profile, job.region)


def client_settings(job: Job) -> ClientSettings:
    """Return the settings of a job's client of the service."""
    return ClientSettings(
        access=service_access(job),
        destination=job.destination,
        max_in_flight=job.max_in_flight,
        transport=job.transport,
        reads_schema=job.live_schema,
    )
