"""The file of ``--summary-json``: this run's summary or none, never that of an earlier run.

A scheduler reads it. So the earlier file is removed before anything else is done, and a load that is refused,
or left at a second signal, writes one too.
"""

from pathlib import Path

from loader.atomic import write_whole
from loader.errors import LoaderError
from loader.process.summary_place import is_stream
from loader.report.identity import UNKNOWN_LOAD, LoadIdentity
from loader.report.summary import LoadSummary, to_json


def refused_summary(
    error: LoaderError, run_dir: str = "", identity: LoadIdentity = UNKNOWN_LOAD
) -> LoadSummary:
    """Return the summary of a load that ended without one of its own.

    Args:
        error: What ended it.
        run_dir: Its run directory, if one was opened.
        identity: What tells it from others, as far as it is known.
    """
    return LoadSummary(
        run_dir=run_dir,
        stopped_by=error.exit_code,
        stopped_because=error.what,
        refused_as=error.end,
        identity=identity,
    )


def write_summary_json(summary: LoadSummary, path: Path) -> None:
    """Write the summary so that a reader sees the whole of it or nothing of it.

    Args:
        summary: What to write. It holds no row data, so the file has the usual permissions.
        path: The file; a device or pipe such as ``/dev/stdout`` is written to as it is.

    Raises:
        OSError: It could not be written; a file that was there before is unchanged.
    """
    if not is_stream(path):
        write_whole(path, to_json(summary), private=False)
        return
    with path.open("wb", buffering=0) as stream:
        stream.write(to_json(summary))
