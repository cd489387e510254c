"""The content of a run directory in any state, read without changing it."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME, REJECTED_NAME
from loader.checkpoint.plan import Plan
from loader.checkpoint.queries import RunEnd, Totals, read_last_run, read_totals, with_marked
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.archiving import ARCHIVED_NAME, archived_name
from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.checkpoint.start.lock import look_without_locking
from loader.checkpoint.verdicts import Verdicts
from loader.command_line import CommandLine
from loader.errors import CheckpointError, ExitCode
from loader.model import SAFE_SECONDS, Operation
from loader.report.trouble import Trouble, read_trouble
from loader.status.failure_groups import FAILED_EVENTS, REJECTED_ROWS, FailureGroup, failure_groups
from loader.status.loaded_stage import reports_load_status, stage_values
from loader.status.next_steps import Standing
from loader.status.relatives import child_not_loaded_of, child_of, if_not_older, parent_of


class LoadState(StrEnum):
    """What a run directory holds."""

    NONE = "none"
    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    FINISHED = "finished"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Doubt:
    """The events that may have been accepted but have no receipt.

    Attributes:
        count: Number of these events.
        expired: Number of those that are older than the life of their tokens.
        safe_until: Epoch seconds until which a resume may send the others again; None if there are no others.
    """

    count: int
    expired: int
    safe_until: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The content of a run directory.

    Attributes:
        run_dir: The run directory, absolute.
        state: Its state.
        checkpoint: The file that was read.
        kept: Checkpoints of earlier loads of the run directory, oldest first.
        load_id: The id of the load.
        created_at: When it began, in epoch seconds.
        plan: Its stored plan.
        totals: Its counts.
        rows_left: Rows not read yet, if the formats of all files give a number of rows.
        doubt: Its events in doubt; 0 while a process runs, whose events are still in flight.
        failed: Its failed events, or the parts of them that were refused, by code and message, most
            frequent first.
        rejected: Its rejected rows by column and reason, most frequent first.
        started_at: When the last run began, in epoch seconds.
        ended_at: When it ended, or None.
        last_run: How it ended, or None if it runs or was killed.
        pid: Id of the process that works on it now (0 if unknown), or None.
        trouble: The last cause of failed attempts in the last run, or None.
        loaded: Accepted events by their last verdict; see `loaded_stage.stage_values`.
        problem: Why the checkpoint cannot be read, or None.
        child: The run directory of the load of this load's corrected rows, if it exists.
        child_not_loaded: The same for the rows that the service refused or did not load.
        shards: The number of its shards and their states, in words; empty without shards.
    """

    run_dir: Path
    state: LoadState
    checkpoint: Path
    kept: Sequence[Path] = ()
    load_id: str = ""
    created_at: float | None = None
    plan: Plan | None = None
    totals: Totals | None = None
    rows_left: int | None = None
    doubt: Doubt = Doubt(0, 0, None)
    failed: Sequence[FailureGroup] = ()
    rejected: Sequence[FailureGroup] = ()
    started_at: float | None = None
    ended_at: float | None = None
    last_run: RunEnd | None = None
    pid: int | None = None
    trouble: Trouble | None = None
    loaded: Mapping[str, int] = field(default_factory=dict)
    problem: CheckpointError | None = None
    child: Path | None = None
    child_not_loaded: Path | None = None
    shards: str = ""

    @property
    def is_earlier(self) -> bool:
        """Whether this is an earlier load of the run directory, which a later load replaced."""
        return self.checkpoint.name != CHECKPOINT_NAME

    @property
    def parent(self) -> Path | None:
        """Run directory, or kept checkpoint, of the load whose rows this load corrects; or None."""
        return parent_of(self.run_dir)

    @property
    def _not_loaded(self) -> Sequence[Path]:
        return not_loaded_folders(self.run_dir, self.load_id if self.is_earlier else "")

    @property
    def _corrected(self) -> Path | None:
        """The load of this load's corrected rows; None if rows were rejected after it."""
        folder = archived_name(REJECTED_NAME, self.load_id) if self.is_earlier else REJECTED_NAME
        return None if self.child is None else if_not_older(self.child, self.run_dir / folder)

    @property
    def command(self) -> str:
        """The command that began the load, with its run directory; empty if it is not known."""
        line = CommandLine.parsed(self.plan.command) if self.plan is not None else None
        return "" if line is None else line.in_run_dir(str(self.run_dir)).pasteable()

    @property
    def has_load_status(self) -> bool:
        """Whether the service reports a load status for its events."""
        return self.plan is not None and reports_load_status(self.plan.settings)

    def standing(self, correcting: str = "", correcting_not_loaded: str = "") -> Standing:
        """Return what the next step depends on.

        Args:
            correcting: The command that loads the corrected rows; empty if there are no rejected rows.
            correcting_not_loaded: The same for rows that the service refused or did not load.
        """
        if self.plan is None or self.totals is None:
            return Standing(run_dir=str(self.run_dir))
        end, loaded = self.last_run, self.loaded
        return Standing(
            run_dir=str(self.run_dir),
            command=CommandLine.parsed(self.plan.command) if self.plan.command else None,
            correcting=correcting,
            correcting_not_loaded=correcting_not_loaded,
            not_loaded_in="".join(map(str, self._not_loaded[-1:])),
            corrected_in=str(self.child_not_loaded or ""),
            rejects_corrected_in=str(self._corrected or ""),
            exit_code=ExitCode(end.exit_code) if end is not None else None,
            is_running=self.state is LoadState.RUNNING,
            is_stopped=end is None or end.cause != COMPLETED,
            is_append=self.plan.settings.get("operation") == Operation.APPEND,
            rows_rejected=self.totals.rows_rejected,
            records_failed=self.totals.records_failed,
            events_failed=self.totals.events_failed,
            events_in_doubt=self.doubt.count,
            doubt_expired=self.doubt.expired,
            safe_until=self.doubt.safe_until,
            stopped_because=end.cause if end is not None else "",
            reports_load_status=self.has_load_status,
            events_not_asked=loaded.get("undecided", 0) + loaded.get("in_progress", 0),
            events_lost=loaded.get("failed", 0),
            events_missing=loaded.get("missing", 0),
            lists_receipts=not self.plan.settings.get("live_schema"),
        )


COMPLETED = "completed"
"""The cause that a completed run stores."""


def read_overview(place: Path, now: float, *, safe_seconds: float = SAFE_SECONDS) -> Overview:
    """Return the content of a run directory. A damaged run directory does not raise.

    Args:
        place: The run directory, or a checkpoint file of it: the present one or a kept one.
        now: Epoch seconds.
        safe_seconds: Time after its first attempt in which an event in doubt may be sent again.
    """
    place = place.absolute()
    if place.is_file() and place.suffix != Path(CHECKPOINT_NAME).suffix:
        return Overview(place, LoadState.NONE, place)  # not called a damaged checkpoint
    checkpoint = place if place.is_file() else place / CHECKPOINT_NAME
    run_dir = checkpoint.parent
    kept = kept_checkpoints(run_dir)
    if not os.path.lexists(checkpoint):
        return Overview(run_dir, LoadState.NONE, checkpoint, kept)
    try:
        with look_without_locking(run_dir) as holder:
            pid = holder if checkpoint.name == CHECKPOINT_NAME else None
            with open_for_reading(run_dir, alive=pid is not None, name=checkpoint.name) as connection:
                return _read(connection, checkpoint, pid, now=now, safe_seconds=safe_seconds)
    except CheckpointError as problem:
        return Overview(run_dir, LoadState.UNREADABLE, checkpoint, kept, problem=problem)


def kept_checkpoints(run_dir: Path) -> list[Path]:
    """Return the checkpoints of earlier loads, oldest first: their names begin with the time."""
    return sorted(run_dir.glob(ARCHIVED_NAME.format("*")))


def _read(
    connection: sqlite3.Connection, checkpoint: Path, pid: int | None, *, now: float, safe_seconds: float
) -> Overview:
    run_dir = checkpoint.parent
    load_id, created_at, plan = read_plan(connection)
    started_at, ended_at, last_run = read_last_run(connection) or (None, None, None)
    totals = read_totals(connection)
    doubt = Doubt(0, 0, None)
    if pid is None:
        totals, doubt = _doubt(connection, totals, now - safe_seconds, safe_seconds)
    return Overview(
        run_dir=run_dir,
        state=_state(pid, started_at, last_run),
        checkpoint=checkpoint,
        kept=kept_checkpoints(run_dir),
        load_id=load_id,
        created_at=created_at,
        plan=plan,
        totals=totals,
        rows_left=_rows_left([file.rows for file in plan.files], totals),
        doubt=doubt,
        failed=failure_groups(connection, FAILED_EVENTS),
        rejected=failure_groups(connection, REJECTED_ROWS),
        started_at=started_at,
        ended_at=ended_at,
        last_run=last_run,
        pid=pid,
        trouble=read_trouble(run_dir) if checkpoint.name == CHECKPOINT_NAME else None,
        loaded=stage_values(Verdicts(connection).counts()),
        child=child_of(checkpoint, load_id, created_at),
        child_not_loaded=child_not_loaded_of(checkpoint, load_id, created_at),
    )


def _rows_left(rows: Sequence[int | None], totals: Totals) -> int | None:
    looked_at = totals.rows_read + totals.rows_elsewhere
    return None if None in rows else sum(count or 0 for count in rows) - looked_at


def _state(pid: int | None, started_at: float | None, last_run: RunEnd | None) -> LoadState:
    if pid is not None:
        return LoadState.RUNNING
    if last_run is None:
        return LoadState.STOPPED if started_at is None else LoadState.KILLED
    return LoadState.FINISHED if last_run.complete else LoadState.STOPPED


def _doubt(
    connection: sqlite3.Connection, totals: Totals, expired_before: float, safe_seconds: float
) -> tuple[Totals, Doubt]:
    """Return the events in doubt, and the totals including events that are only marked."""
    totals, since = with_marked(connection, totals)
    safe = [at for at in since if at >= expired_before]
    return totals, Doubt(len(since), len(since) - len(safe), min(safe) + safe_seconds if safe else None)
