"""Prints digests of the windows of jobs, planned in this process.

Usage: ``python -m tests.faults.planned JOBS.json``.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import orjson

from loader.extract import open_extract
from loader.extract.planning import plan_slices
from loader.job import Job
from loader.model import SlicePlan
from loader.stage_settings.extract import extract_settings


def digest(plan: SlicePlan) -> str:
    """Return a digest of everything a window's plan says: each byte of each event, and each count."""
    counts = (plan.window, plan.number, plan.first_index, tuple(plan.files))
    rejected = [(row.file, row.row, row.column, row.code, row.reason, row.value) for row in plan.rejected]
    found = hashlib.sha256(repr((counts, plan.ends_window, rejected)).encode())
    for event in plan.events:
        place = (event.window, event.index, event.file, event.borders, tuple(event.rows))
        found.update(repr((event.group, event.token)).encode())
        found.update(repr((place, event.timestamp)).encode())
        found.update(event.data)
    return found.hexdigest()


def digests(settings: dict[str, Any]) -> list[str]:
    """Return the digests of a job's windows, planned in order."""
    job = Job(**settings)
    return [digest(plan) for plan in plan_slices(job.destination, open_extract(extract_settings(job)))]


if __name__ == "__main__":
    jobs = orjson.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(orjson.dumps([digests(job) for job in jobs]).decode())
