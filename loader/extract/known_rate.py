"""The rate behind the number of buckets: the user's, a remembered one, or an assumed one."""

import time

from loader.delivery.rate.memory import RateMemory
from loader.errors import LoaderError
from loader.extract.bucket_choice import ASSUMED_EVENTS_PER_SECOND
from loader.extract.settings import LaneRateSettings
from loader.process.run_apart import run_apart
from loader.service.client import find_caller
from loader.service.settings import ServiceAccess


def planning_rate(settings: LaneRateSettings) -> float:
    """Return the rate for which a load needs lanes, in events per second. Blocking."""
    if settings.rate is not None:
        return settings.rate
    is_known = settings.is_remembered and RateMemory.knows_any_plan()
    memory = memory_of(settings.access, settings.instance_id) if is_known else None
    known = memory.planning_rate(time.time()) if memory is not None else None
    return ASSUMED_EVENTS_PER_SECOND if known is None else known


def memory_of(access: ServiceAccess, instance_id: str) -> RateMemory | None:
    """Return the rate memory of an instance, or None if Region or credentials are unknown. Blocking."""
    try:
        caller = run_apart(find_caller(access))
    except LoaderError:
        return None
    return RateMemory(*caller, instance_id)
