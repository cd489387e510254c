"""The settings of connections to AWS, taken from a job."""

from loader.job import Job
from loader.service.settings import ClientSettings, ServiceAccess
from loader.sources.s3.client import S3Access


def service_access(job: Job) -> ServiceAccess:
    """Return the address of the service and the credentials with which a job reaches it."""
    return ServiceAccess(job.region, job.profile, job.endpoint_url)


def s3_access(job: Job) -> S3Access:
    """Return the credentials with which a job reads its extract and its run directory in S3."""
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
