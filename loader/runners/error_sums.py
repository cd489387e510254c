"""The errors of all workers, compared with the limits of the load.

Each worker counts the errors of its shard. A limit such as 5 % applies to the whole load: a shard may exceed
it. A limit such as 100 also applies to each worker, so that a worker stops at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loader.errors import TooManyFailures
from loader.job.sections import MIN_SAMPLE, MaxErrors
from loader.loading.error_limits import ErrorCounts, ErrorLimits, too_many_errors

NO_LIMIT = MaxErrors()


def limits_of_worker(limits: ErrorLimits) -> dict[str, MaxErrors]:
    """Return the limits that a worker checks itself, by setting. A share is replaced by no limit."""
    by_setting = {"max_errors": limits.of_load, "max_errors_per_file": limits.of_file}
    return {name: NO_LIMIT if limit.count is None else limit for name, limit in by_setting.items()}


class ErrorSums:
    """The sums of the error counts of all workers.

    Args:
        limits: The limits of the load.
        run_dir: Its run directory, absolute.
    """

    def __init__(self, limits: ErrorLimits, run_dir: Path) -> None:
        self._limits = limits
        self._run_dir = run_dir
        self._loads: dict[int, ErrorCounts] = {}
        self._files: dict[str, dict[int, ErrorCounts]] = {}
        self._changed: set[str] = set()

    def take(self, shard: int, load: Sequence[int], files: Mapping[str, Sequence[int]]) -> None:
        """Take the counts of a shard.

        Args:
            shard: Its number.
            load: The counts of the shard.
            files: The counts of the files with changes, by path.
        """
        self._loads[shard] = ErrorCounts(*load)
        for path, values in files.items():
            self._files.setdefault(path, {})[shard] = ErrorCounts(*values)
            self._changed.add(path)

    def beyond_limits(self, *, at_end: bool = False) -> TooManyFailures | None:
        """Return the error that stops the load if its errors exceed a limit, else None.

        Args:
            at_end: Whether all workers have ended, so that the counts are complete.
        """
        if not self._loads:
            return None
        exceeds = _exceed_at_end if at_end else _exceed
        if exceeds(self._loads, self._limits.of_load):
            return too_many_errors(self._run_dir)
        changed = {path: self._files[path] for path in (self._files if at_end else self._changed)}
        self._changed.clear()
        limit = self._limits.of_file
        file = next((path for path, counts in changed.items() if exceeds(counts, limit)), None)
        return None if file is None else too_many_errors(self._run_dir, file)


def _exceed_at_end(shards: Mapping[int, ErrorCounts], limit: MaxErrors) -> bool:
    return ErrorCounts(*map(sum, zip(*shards.values(), strict=True))).exceed(limit)


def _exceed(shards: Mapping[int, ErrorCounts], limit: MaxErrors) -> bool:
    """Return whether a running load exceeds a limit.

    The sums over the shards do not give a share, because the fastest shard may have all bad rows. So the
    share of each shard in the rows that it has read is taken as its share in all rows.
    """
    if limit.share is None:
        return _exceed_at_end(shards, limit)
    far = [each for each in shards.values() if each.rows_seen >= MIN_SAMPLE]
    rejected = sum(each.rejected / each.rows_seen for each in far)
    # Only the records of a shard can fail, so its failures are weighted by its share of all rows.
    settled = [each for each in far if each.settled >= MIN_SAMPLE]
    failed = sum(each.failed / each.settled * (each.rows / each.rows_seen) for each in settled)
    return max(rejected, failed) > limit.share
