"""Prints digests of the windows of jobs, planned in this process.

Usage: ``python -m tests.faults.planned JOBS.json``.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import orjson

from loader.extract import open_extract
from loader.extract.planning import plan_windows
from loader.job import Job
from loader.model import WindowPlan


def digest(plan: WindowPlan) -> str:
    """Return a digest of everything a window's plan says: each byte of each event, and each count."""
    counts = (plan.number, plan.file, plan.first_row, plan.rows_read, plan.rows_filtered, plan.records)
    rejected = [(row.file, row.row, row.column, row.code, row.reason, row.value) for row in plan.rejected]
    found = hashlib.sha256(repr((counts, plan.last_of_file, rejected)).encode())
    for event in plan.events:
        place = (event.window, event.index, event.file, tuple(event.rows), event.group, event.token)
        found.update(repr((place, event.timestamp)).encode())
        found.update(event.data)
    return found.hexdigest()


def digests(settings: dict[str, Any]) -> list[str]:
    """Return the digests of a job's windows, planned in order."""
    job = Job(**settings)
    return [digest(plan) for plan in plan_windows(job, open_extract(job))]


if __name__ == "__main__":
    jobs = orjson.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(orjson.dumps([digests(job) for job in jobs]).decode())
