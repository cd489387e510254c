"""The limits of errors at which a load stops: ``--max-errors`` and ``--max-errors-per-file``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from loader.command_line import scn_loader
from loader.errors import TooManyFailures
from loader.job.sections import MaxErrors


class ErrorCounts(NamedTuple):
    """The counts of a load, or of one of its files, for the comparison with the limits.

    Attributes:
        rejected: Rows that could not become records.
        rows: Rows read, without those of other shards.
        failed: Rows that became records and failed.
        settled: Rows that need no more work.
        rows_seen: Rows read, including those of other shards.
    """

    rejected: int
    rows: int
    failed: int
    settled: int
    rows_seen: int

    @property
    def errors(self) -> int:
        """Number of rows that were rejected or failed."""
        return self.rejected + self.failed

    def exceed(self, limit: MaxErrors) -> bool:
        """Return whether the counts exceed a limit."""
        return limit.exceeded(
            rejected=self.rejected, rows=self.rows, failed=self.failed, settled=self.settled
        )


@dataclass(frozen=True, slots=True)
class ErrorLimits:
    """The limits of rejected and failed rows.

    Attributes:
        of_load: The limit of a whole load.
        of_file: The limit of each of its files.
    """

    of_load: MaxErrors
    of_file: MaxErrors


def beyond_limits(
    limits: ErrorLimits, run_dir: Path, load: ErrorCounts, files: Mapping[str, ErrorCounts]
) -> TooManyFailures | None:
    """Return the error that stops a load whose counts exceed a limit, or None if they do not.

    Args:
        limits: The limits.
        run_dir: The run directory, for the command that shows the errors.
        load: The counts of the load.
        files: The counts of files, by path.
    """
    if load.exceed(limits.of_load):
        return too_many_errors(run_dir)
    file = next((path for path, counts in files.items() if counts.exceed(limits.of_file)), None)
    return None if file is None else too_many_errors(run_dir, file)


def too_many_errors(run_dir: Path, file: str = "") -> TooManyFailures:
    """Return the error that stops a load.

    Args:
        run_dir: The run directory, for the command that shows the errors.
        file: The file with too many errors; empty if the load has too many.
    """
    rows, flag = ("rows of a file", "--max-errors-per-file") if file else ("rows", "--max-errors")
    return TooManyFailures(
        f"More {rows} were rejected or failed than {flag} allows.",
        where=file or str(run_dir),
        next_step=f"see the details:\n{scn_loader('status', run_dir)}",
    )
