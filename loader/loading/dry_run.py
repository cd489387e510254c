"""``load --dry-run``: plan all events with the functions of a load, and send nothing."""

import time

from loader.extract import Extract, FileEnds
from loader.extract.planning import log_rejected, plan_slices
from loader.model import Destination
from loader.preview import Counts
from loader.report import LoadSummary


def dry_run(destination: Destination, extract: Extract) -> LoadSummary:
    """Plan all events of a load, and return the summary of a load that sent nothing."""
    began = time.monotonic()
    counts = Counts()
    ends = FileEnds(extract.files)
    for plan in plan_slices(destination, extract, extract.slices(on_end=ends.reached)):
        log_rejected(plan, extract.files)
        counts.add(plan)
    return LoadSummary(
        run_dir="",
        windows=counts.windows,
        files_total=len(extract.files),
        files_read_whole=ends.files_read_whole(counts.rows_of_file),
        rows_expected=ends.rows_expected,
        rows_read=counts.rows_read,
        rows_filtered=counts.rows_filtered,
        rows_filtered_unknown=counts.rows_filtered_unknown,
        rows_rejected=counts.rows_rejected,
        rows_elsewhere=counts.rows_elsewhere,
        shard=str(extract.shard or ""),
        records=counts.records,
        events_total=counts.events,
        events_unprocessed=counts.events,
        seconds=time.monotonic() - began,
        rows_in_run=counts.rows_read,
        dry_run=True,
    )
