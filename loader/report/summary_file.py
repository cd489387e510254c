"""The file of ``--summary-json``: it has the summary of this run, never that of an earlier run.

A scheduler reads this file. So the command first removes the earlier file, and writes a new one even if the
load is refused or a second signal ends it.
"""

from pathlib import Path

from loader.atomic import write_output
from loader.errors import LoaderError
from loader.report.identity import UNKNOWN_LOAD, LoadIdentity
from loader.report.summary import LoadSummary, to_json


def refused_summary(
    error: LoaderError, run_dir: str = "", identity: LoadIdentity = UNKNOWN_LOAD
) -> LoadSummary:
    """Return the summary of a load that ended before it had a summary.

    Args:
        error: The error that ended it.
        run_dir: Its run directory, if one was opened.
        identity: What distinguishes it from other loads, as far as it is known.
    """
    return LoadSummary(
        run_dir=run_dir,
        stopped_by=error.exit_code,
        stopped_because=error.what,
        refused_as=error.end,
        identity=identity,
    )


def write_summary_json(summary: LoadSummary, path: Path) -> None:
    """Write the summary atomically: a reader sees all of it or none of it.

    Args:
        summary: The summary. It holds no row data, so the file has the usual permissions.
        path: The file. A device or pipe such as ``/dev/stdout`` is written to directly.

    Raises:
        OSError: The file could not be written; an existing file is unchanged.
    """
    write_output(path, to_json(summary), private=False)
