"""Plan an extract in a process of its own, and print what it took."""

import json
import sys
import time

from benchmarks.folder import INSTANCE
from benchmarks.peak_memory import own_peak_bytes


def main() -> None:
    """Plan what the argument says: ``extract``, ``buckets`` (a number or ``auto``) and ``group_by``."""
    asked = json.loads(sys.argv[1])
    began = time.perf_counter()
    from loader.process.limits import limit_polars  # noqa: PLC0415

    limit_polars()  # as the command does
    from loader.extract import open_extract  # noqa: PLC0415 - its import is part of the time
    from loader.extract.planning import plan_slices  # noqa: PLC0415
    from loader.job import Job  # noqa: PLC0415
    from loader.stage_settings.extract import extract_settings  # noqa: PLC0415

    job = Job(
        extract=(asked["extract"],),
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        pack="group",
        group_buckets=asked["buckets"],
        group_by=tuple(asked["group_by"]),
    )
    extract = open_extract(extract_settings(job))
    first: float | None = None
    rows = events = size = 0
    for plan in plan_slices(job.destination, extract):
        rows += plan.rows_read
        events += len(plan.events)
        size += sum(len(event.data) for event in plan.events)
        if events and first is None:
            first = time.perf_counter() - began
    print(
        json.dumps(
            {
                "rows": rows,
                "events": events,
                "data_bytes": size,
                "buckets": extract.packing.group_buckets,
                "first_seconds": first,
                "seconds": time.perf_counter() - began,
                "peak_bytes": own_peak_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
