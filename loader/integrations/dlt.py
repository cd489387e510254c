"""A destination for dlt pipelines (extra ``dlt``): each file of a table is one load.

Rules kept here:

1. A file has a run directory of its own, named after dlt's id of the file. dlt gives a repeated job the same
   file, so the repetition resumes the load, and each row is accepted once.
2. Files are loaded one after the other, so that rows of a group keep the order in which they were extracted.
3. dlt repeats a job after a transient error and fails it after a terminal one. Only an end that the same load
   can resume from is transient.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlt
import polars as pl
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.common.schema import TTableSchema
from dlt.common.storages.load_package import ParsedLoadJobFileName

from loader.command_line import scn_loader
from loader.errors import ExitCode, LoaderError, NothingToLoad
from loader.job import Job
from loader.loading.library import run_load
from loader.report import LoadSummary

RESUMABLE = frozenset({ExitCode.STOPPED_RESUMABLE, ExitCode.INTERRUPTED, ExitCode.TERMINATED})
"""Ends of a load that the same load resumes from."""


def scn_destination(jobs: Job | Mapping[str, Job], run_dir: str | Path) -> Destination[Any, Any]:
    """Return a dlt destination that loads tables into AWS Supply Chain.

    Args:
        jobs: The settings without an extract; for several tables, the settings of each by its name.
        run_dir: Folder of the run directories, one for each file. It must outlive the pipeline's process.

    Returns:
        A destination for ``dlt.pipeline(destination=...)``.
    """

    def load_file(path: Any, table: TTableSchema) -> None:
        file = ParsedLoadJobFileName.parse(path)
        job = jobs if isinstance(jobs, Job) else jobs.get(file.table_name)
        if job is None:
            raise DestinationTerminalException(f"There is no job for the table '{file.table_name}'.")
        folder = Path(run_dir) / f"{file.table_name}-{file.file_id}"
        # dlt's own columns (_dlt_id, _dlt_load_id) are in the file, but not among the table's columns.
        rows = pl.scan_parquet(path).select(list(table["columns"]))
        _check(_load(job.model_copy(update={"run_dir": folder}), rows), folder)

    factory = dlt.destination(
        load_file,
        loader_file_format="parquet",
        batch_size=0,  # the function takes the path of a file
        name="scn",
        max_parallel_load_jobs=1,
        loader_parallelism_strategy="sequential",
    )
    destination: Destination[Any, Any] = factory()
    return destination


def _load(job: Job, rows: pl.LazyFrame) -> LoadSummary:
    try:
        return run_load(job, frame=rows)
    except NothingToLoad as nothing:  # dlt writes a file without rows for an empty table
        return LoadSummary(run_dir=str(job.run_dir), stopped_by=nothing.exit_code)
    except LoaderError as error:
        kind = DestinationTransientException if error.exit_code in RESUMABLE else DestinationTerminalException
        raise kind(error.block()) from error


def _check(summary: LoadSummary, folder: Path) -> None:
    """Raise the error that tells dlt how the load ended, unless everything was accepted."""
    if summary.exit_code in (ExitCode.DELIVERED, ExitCode.NOTHING_TO_LOAD):
        return
    because = f"{summary.stopped_because} " if summary.stopped_because else ""
    if summary.exit_code in RESUMABLE:
        raise DestinationTransientException(f"{because}The load stopped and can be resumed: {folder}")
    raise DestinationTerminalException(
        f"{because}Rows rejected: {summary.rows_rejected:,}; events failed: {summary.events_failed:,}."
        f" See which and why:\n{scn_loader('status', folder)}"
    )
