"""Extracts on disk, and the jobs that load them."""

import os

import pytest

from loader.job import Job

os.environ.pop("SCN_LOADER_EXTRACT", None)


class JobMaker:
    """Makes jobs with as few words as possible."""

    def __call__(self, **settings: object) -> Job:
        given = {
            "event_type": "scn.data.inboundorder",
            "instance_id": "a1b2c3d4-5678-90ab-cdef-1234567890ab",
        } | settings
        return Job(**given)


@pytest.fixture(scope="session")
def job_of() -> JobMaker:
    return JobMaker()
