"""The rate behind the number of buckets: the user's, a remembered one, or an assumed one."""

import time

from loader.delivery.rate.memory import RateMemory
from loader.errors import LoaderError
from loader.extract.bucket_choice import ASSUMED_EVENTS_PER_SECOND
from loader.job import Job
from loader.process.run_apart import run_apart
from loader.service.client import find_caller
from loader.service.settings import ServiceAccess


def planning_rate(job: Job) -> float:
    """Return the rate for which a load needs lanes, in events per second. Blocking.

    Args:
        job: The settings. ``rate`` is used if set; with ``forget_rate`` or a shard, no remembered rate is.
    """
    if job.rate is not None:
        return job.rate
    # Shards may run on machines that remember different rates, but must choose the same number.
    is_ignored = job.forget_rate or job.shard is not None or not RateMemory.knows_any_plan()
    memory = None if is_ignored else memory_of(job)
    known = memory.planning_rate(time.time()) if memory is not None else None
    return ASSUMED_EVENTS_PER_SECOND if known is None else known


def memory_of(job: Job) -> RateMemory | None:
    """Return the rate memory of a job's service, or None if Region or credentials are unknown. Blocking."""
    try:
        caller = run_apart(find_caller(ServiceAccess(job.region, job.profile, job.endpoint_url)))
    except LoaderError:
        return None
    return RateMemory(*caller, job.instance_id)
