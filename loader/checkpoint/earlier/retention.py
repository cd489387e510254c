"""Remove earlier loads of a run directory by the rule of ``--keep``: checkpoint, rejected rows and log.

Rules kept here:

1. A load is removed only if it is complete and each event was accepted. A load with failed events, events in
   doubt or unsent events stays. A load stays if its verification has begun and has not found all events
   loaded. A load that cannot be read stays.
2. The files that a load delivered are written to the list of removed loads before its checkpoint is removed.
   If the process is killed in between, the next start completes the removal.
3. Rejected rows and logs are removed first. On a full disk, this frees space for the list.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.atomic import flush_folder
from loader.checkpoint.file_names import LOG_NAME, REJECTED_NAME
from loader.checkpoint.queries import (
    Totals,
    is_finished,
    left_in_doubt,
    read_generation,
    read_last_run,
    read_totals,
)
from loader.checkpoint.reading import open_for_reading, read_plan
from loader.checkpoint.start.archiving import ARCHIVED_NAME, archived_name
from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.checkpoint.start.delivered import destination_of, identity
from loader.checkpoint.start.removed_loads import RemovedLoad, add_removed_loads
from loader.checkpoint.verdicts import Verdict, Verdicts
from loader.errors import CheckpointError
from loader.job import Keep
from loader.job.keep import DAY_SECONDS
from loader.private_files import with_sidecars

UNREADABLE = "it cannot be read"


@dataclass(frozen=True, slots=True)
class EarlierLoad:
    """A load of the run directory that was replaced by a later one.

    Attributes:
        checkpoint: Path of its checkpoint.
        began_at: Its start in epoch seconds, or 0 if it cannot be read.
        ended_at: End of its last run in epoch seconds, or None.
        stays_because: The reason why ``--keep`` never removes it, or empty.
        remembered: Its entry for the list of removed loads, or None if it cannot be read.
        rows_rejected: Rows that could not become records.
    """

    checkpoint: Path
    began_at: float
    ended_at: float | None
    stays_because: str
    remembered: RemovedLoad | None
    rows_rejected: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of a removal.

    Attributes:
        loads: Number of removed loads.
        rows_rejected: Number of their rejected rows.
        problem: The error that prevented further removals, or empty.
    """

    loads: int = 0
    rows_rejected: int = 0
    problem: str = ""


def remove_earlier_loads(run_dir: Path, keep: Keep, now: float) -> Removed:
    """Remove the earlier loads of a run directory that a rule does not keep. The caller has locked it.

    Args:
        run_dir: The run directory.
        keep: The rule.
        now: Epoch seconds.
    """
    removed = Removed()
    if keep.is_all:
        return removed
    try:
        going = [load for load in beyond(earlier_loads(run_dir), keep, now) if not load.stays_because]
        for load in going:
            _remove_other_files(load)
        if going:
            add_removed_loads(run_dir, [load.remembered for load in going if load.remembered is not None])
        for load in going:
            for path in reversed(with_sidecars(load.checkpoint)):
                path.unlink(missing_ok=True)
            removed = Removed(removed.loads + 1, removed.rows_rejected + load.rows_rejected)
        flush_folder(run_dir)
    except (OSError, CheckpointError) as error:
        why = error.what if isinstance(error, CheckpointError) else error.strerror or str(error)
        return Removed(removed.loads, removed.rows_rejected, why)
    return removed


def beyond(loads: Sequence[EarlierLoad], keep: Keep, now: float) -> list[EarlierLoad]:
    """Return the loads that a rule does not keep, whether or not they may be removed.

    Args:
        loads: Earlier loads, in any order.
        keep: The rule.
        now: Epoch seconds.
    """
    newest_first = sorted(loads, key=lambda load: load.began_at, reverse=True)
    if keep.loads is not None:
        return newest_first[keep.loads :]
    if keep.days is None:
        return []
    oldest = now - keep.days * DAY_SECONDS
    return [load for load in newest_first if (load.ended_at or load.began_at) < oldest]


def earlier_loads(run_dir: Path) -> list[EarlierLoad]:
    """Return the loads of a run directory that were replaced by later ones."""
    return [_read(run_dir, path) for path in sorted(run_dir.glob(ARCHIVED_NAME.format("*")))]


def _read(run_dir: Path, path: Path) -> EarlierLoad:
    try:
        with open_for_reading(run_dir, alive=False, name=path.name) as connection:
            load_id, began_at, plan = read_plan(connection)
            totals = read_totals(connection)
            last_run = read_last_run(connection)
            generation = read_generation(connection)
            stays_because = next(_reasons_to_stay(connection, totals), "")
    except (CheckpointError, sqlite3.Error):
        return EarlierLoad(path, 0.0, None, UNREADABLE, None, 0)
    files = [(*identity(file), file.path) for file in plan.files]
    return EarlierLoad(
        checkpoint=path,
        began_at=began_at,
        ended_at=None if last_run is None else last_run[1],
        stays_because=stays_because,
        remembered=RemovedLoad(load_id, generation, destination_of(plan.settings), files),
        rows_rejected=totals.rows_rejected,
    )


def _reasons_to_stay(connection: sqlite3.Connection, totals: Totals) -> Iterator[str]:
    if not is_finished(connection):
        yield "it is not complete"
    if totals.events_failed:
        yield "it has failed events"
    if totals.events_in_doubt or left_in_doubt(connection):
        yield "it has events in doubt"
    if totals.events_unprocessed:
        yield "it has events that were not sent"
    verdicts = Verdicts(connection).counts()
    asked = sum(verdicts.values()) - verdicts[Verdict.UNDECIDED]
    if verdicts[Verdict.FAILED] or verdicts[Verdict.MISSING]:
        yield "it has events that are not loaded"
    if asked and (verdicts[Verdict.UNDECIDED] or verdicts[Verdict.IN_PROGRESS]):
        yield "its verification is not complete"


def _remove_other_files(load: EarlierLoad) -> None:
    """Remove the rejected rows, the rows that were not loaded, and the log of a load."""
    run_dir, name = load.checkpoint.parent, load.checkpoint.name
    before, _, after = ARCHIVED_NAME.partition("{}")
    load_id = name.removeprefix(before).removesuffix(after)
    for path in (run_dir / archived_name(REJECTED_NAME, load_id), *not_loaded_folders(run_dir, load_id)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    (run_dir / archived_name(LOG_NAME, load_id)).unlink(missing_ok=True)
