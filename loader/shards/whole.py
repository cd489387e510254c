"""Read a load of several shards as one load, for commands that do not change it."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.progress import read_known_rows
from loader.checkpoint.queries import RunEnd, read_last_run
from loader.checkpoint.reading import open_for_reading
from loader.checkpoint.schema import create_tables
from loader.checkpoint.start.lock import look_without_locking
from loader.errors import ExitCode
from loader.job import Shard
from loader.shards.division import Division, present_division
from loader.shards.merging import MergedCheckpoint

GRAVEST_FIRST = (
    ExitCode.BUG,
    ExitCode.STOPPED_BY_SERVICE,
    ExitCode.REFUSED,
    ExitCode.TOO_MANY_ERRORS,
    ExitCode.DECISION_NEEDED,
    ExitCode.STOPPED_RESUMABLE,
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.DELIVERED_WITH_FAILURES,
    ExitCode.DELIVERED,
    ExitCode.NOTHING_TO_LOAD,
)
"""Exit codes of shards, the most serious one first. A load has the first of these that one of its shards
has."""


@dataclass(frozen=True, slots=True)
class ShardRun:
    """The state of a shard.

    Attributes:
        run_dir: Its folder.
        pid: The process that works on it (0 if unknown), or None.
        started_at: Start of its last run, in epoch seconds, or None.
        ended_at: End of that run, or None.
        end: Result of that run; None if it runs or was killed.
        command: The command that runs it again.
        has_read_all: Whether it has read every file to its end.
    """

    run_dir: Path
    pid: int | None
    started_at: float | None
    ended_at: float | None
    end: RunEnd | None
    command: str
    has_read_all: bool

    @property
    def is_finished(self) -> bool:
        """Whether it is finished."""
        return self.end is not None and self.end.complete


@dataclass(frozen=True, slots=True)
class Whole:
    """A load of several shards.

    Attributes:
        place: A folder with one checkpoint of all shards, which exists during the ``with`` block.
        of: Number of shards.
        runs: The shards that have begun.
        missing: The other shards.
    """

    place: Path
    of: int
    runs: Sequence[ShardRun]
    missing: Sequence[Shard]

    @property
    def has_read_all(self) -> bool:
        """Whether every shard has read every file to its end, so that no more rows can be rejected."""
        return not self.missing and all(run.has_read_all for run in self.runs)

    @property
    def stopped(self) -> Sequence[ShardRun]:
        """The shards that neither run nor have finished, those with the most serious end first."""
        idle = [run for run in self.runs if run.pid is None and not run.is_finished]
        return sorted(idle, key=lambda run: GRAVEST_FIRST.index(_code(run)))

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the load: the most serious one of its shards. It is 5 for a killed or missing one."""
        codes = [_code(run) for run in self.runs]
        codes += [ExitCode.STOPPED_RESUMABLE] * bool(self.missing)
        return min(codes, key=GRAVEST_FIRST.index)


def _code(run: ShardRun) -> ExitCode:
    return ExitCode(run.end.exit_code) if run.end is not None else ExitCode.STOPPED_RESUMABLE


@contextmanager
def whole_load(run_dir: Path) -> Iterator[Whole | None]:
    """Yield the shards of a run directory as one load, or None if its load has no shards.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    division = present_division(run_dir)
    if division is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="scn-loader-") as folder:
        runs = _merged(division, Path(folder) / CHECKPOINT_NAME)
        yield Whole(Path(folder), division.of, runs, division.missing)


def _merged(division: Division, path: Path) -> Sequence[ShardRun]:
    runs = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        create_tables(connection)
        connection.execute("BEGIN")
        merged = MergedCheckpoint(connection)
        for part in division.parts:
            with (
                look_without_locking(part.run_dir) as pid,
                open_for_reading(part.run_dir, alive=pid is not None) as shard,
            ):
                merged.add(shard, is_running=pid is not None)
                started_at, ended_at, end = read_last_run(shard) or (None, None, None)
                has_read_all = len(read_known_rows(shard)) == len(part.plan.files)
            times = (started_at, ended_at, None if pid is not None else end)
            runs.append(ShardRun(part.run_dir, pid, *times, part.plan.command, has_read_all))
        merged.finish()
        connection.execute("COMMIT")
    return runs
