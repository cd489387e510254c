"""A runner with a fast pace, to kill: ``python -m tests.remote.runner SETTINGS PACE`` (JSON)."""

import json
import sys

from loader.job import Job
from loader.loading.api import run_to_end
from loader.loading.observers import Observers
from loader.loading.opening import LoadParts
from loader.remote.pace import ArchiveSizes, KeepingPace


def main() -> int:
    """Run the load; return its exit code."""
    settings, pace = map(json.loads, sys.argv[1:])
    pace["archive_sizes"] = ArchiveSizes(**pace["archive_sizes"])
    return run_to_end(
        Job(**settings), Observers(), parts=LoadParts(pace=KeepingPace(**pace))
    ).summary.exit_code


if __name__ == "__main__":
    sys.exit(main())
