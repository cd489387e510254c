"""Open a checkpoint: find it, compare its plan, resume or replace it, and reconcile it after a kill."""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from loader.atomic import drafting, make_private_file, remove_drafts
from loader.checkpoint.checkpoint import Checkpoint, OpenedState
from loader.checkpoint.connections import OpenFile, connect, connect_reader, make_single_file
from loader.checkpoint.doubt import LOST_ANSWER
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.plan import Plan, differences, setting_differences, shown
from loader.checkpoint.queries import is_finished, left_in_doubt, read_generation
from loader.checkpoint.reading import check_whole, open_for_reading, read_plan
from loader.checkpoint.reconciling import LEAVE_IN_DOUBT, Disagreement, reconcile
from loader.checkpoint.schema import create_tables
from loader.checkpoint.start.archiving import (
    ARCHIVING_NAME,
    UNREADABLE_PREFIX,
    archive_checkpoint,
    finish_archiving,
    next_generation,
)
from loader.checkpoint.start.delivered import gone_or_changed
from loader.checkpoint.start.lock import lock_run_dir
from loader.checkpoint.start.replacing import ONLY_FINISHED, Replacing
from loader.checkpoint.writing.runs import RunRecord
from loader.command_line import CommandLine
from loader.errors import CheckpointError, CheckpointMismatch
from loader.model import SourceFile
from loader.private_files import check_files, make_private_folder, with_sidecars

NO_ANSWER = "The run ended before the answer was recorded."


@dataclass(frozen=True, slots=True)
class _Found:
    """The checkpoint that is in the run directory.

    Attributes:
        load_id: Name of its load, or None if it cannot be read.
        generation: Generation of its load, or None.
        finished: Whether that load has nothing left to do.
        other_job: The differences between its settings and the given ones.
        changes: The differences between its plan and the given one, in settings or files.
        lost: Paths of its files that are gone or changed, if it is unfinished.
        problem: The error if it cannot be read, or None.
    """

    load_id: str | None = None
    generation: int | None = None
    finished: bool = False
    other_job: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    problem: CheckpointError | None = None

    def gives_way(self, replacing: Replacing) -> bool:
        """Return whether the load is replaced, if it may be, rather than resumed."""
        return bool(self.changes) or replacing.starts_over(is_finished=self.finished)


def open_checkpoint(
    run_dir: Path,
    plan: Plan,
    *,
    replacing: Replacing = ONLY_FINISHED,
    retry_failed: bool = False,
    least_generation: int = 0,
    clock: Callable[[], float] = time.time,
) -> Checkpoint:
    """Open or create the checkpoint of a load, and lock the run directory until the checkpoint is closed.

    An unfinished load of the same plan is resumed. A finished load of the same job with other files (the
    extract of last night) is replaced: its checkpoint is kept under the name ``checkpoint-<load id>.sqlite``.
    Other loads are replaced in the same way if the caller says so.

    Args:
        run_dir: The load's directory. It is created with mode 0700 if it does not exist.
        plan: The plan of the load.
        replacing: Which other loads are replaced.
        retry_failed: Whether this run sends the events that failed in earlier runs.
        least_generation: Minimum generation of a new load.
        clock: Returns epoch seconds.

    Raises:
        CheckpointMismatch: The directory has a load of another job, or an unfinished load of other files.
            Nothing was changed.
        CheckpointCorrupt: The checkpoint is damaged. Nothing was changed.
        CheckpointLocked: Another process works in the directory.
        CheckpointError: The directory cannot be used.
    """
    path = run_dir / CHECKPOINT_NAME
    with ExitStack() as held, _refused_by_disk(run_dir):
        make_private_folder(run_dir)
        check_files([*with_sidecars(path), run_dir / ARCHIVING_NAME])
        held.enter_context(lock_run_dir(run_dir))
        remove_drafts(run_dir)
        finish_archiving(run_dir)
        resumed = _is_resumed(run_dir, plan, replacing, least_generation, clock())
        connection = held.enter_context(closing(connect(path)))
        reader = held.enter_context(closing(connect_reader(path)))
        run, disagreement = _prepare_run(connection, plan, retry_failed=retry_failed, now=clock())
        ((load_id, generation, began_at),) = connection.execute("SELECT id, generation, created_at FROM load")
        state = OpenedState(load_id, began_at, generation, resumed=resumed, disagreement=disagreement)
        return Checkpoint(OpenFile(path, connection, reader, held.pop_all()), state, run, clock)


def _is_resumed(run_dir: Path, plan: Plan, replacing: Replacing, least_generation: int, now: float) -> bool:
    """Return whether the load in the run directory is resumed; otherwise begin a new one in its place."""
    found = _look(run_dir, plan)
    if found is not None and found.problem is None and not found.gives_way(replacing):
        return True
    if found is not None:
        _refuse(run_dir, found, plan.command, replacing)
    generation = max(_next_generation(run_dir, found), least_generation)
    path = run_dir / CHECKPOINT_NAME
    _archive(path, found, now)
    _create(path, plan, generation, now)
    return False


def _look(run_dir: Path, plan: Plan) -> _Found | None:
    """Return the checkpoint that is in the run directory, or None. Nothing is changed."""
    path = run_dir / CHECKPOINT_NAME
    if not os.path.lexists(path):
        return None
    try:
        with open_for_reading(run_dir, alive=False) as connection:
            check_whole(connection, path)
            load_id, _, stored = read_plan(connection)
            generation, finished = read_generation(connection), is_finished(connection)
    except CheckpointError as error:
        return _Found(problem=error)
    other_job = tuple(setting_differences(stored, plan))
    lost = () if finished else gone_or_changed(stored.files, plan.files)
    return _Found(load_id, generation, finished, other_job, tuple(differences(stored, plan)), lost)


def planned_generation(run_dir: Path, plan: Plan, replacing: Replacing) -> int:
    """Return the generation of the load that would run, without changing anything.

    Args:
        run_dir: Its directory, which need not exist.
        plan: The plan of the load.
        replacing: Which loads it would replace.
    """
    found = _look(run_dir, plan)
    if found is None or found.generation is None or found.gives_way(replacing):
        return _next_generation(run_dir, found)
    return found.generation


def _next_generation(run_dir: Path, found: _Found | None) -> int:
    return next_generation(run_dir, [] if found is None else [found.generation])


def _refuse(run_dir: Path, found: _Found, command: str, replacing: Replacing) -> None:
    """Raise an error if the checkpoint that was found must not be replaced."""
    if replacing.restart:
        return
    if found.problem is not None:
        raise found.problem
    if found.finished and found.other_job:
        raise CheckpointMismatch(
            "The run directory contains the load of another job; nothing in it was changed.",
            where=str(run_dir),
            why=shown(found.other_job),
            next_step="name another --run-dir, or replace that load with --restart: its checkpoint is kept "
            "under another name",
        )
    if found.finished or (replacing.supersede and not found.other_job):
        return
    if not found.other_job:
        raise CheckpointMismatch(
            "The run directory contains an unfinished load of other files; nothing in it was changed.",
            where=str(run_dir),
            why=shown(found.changes),
            next_step=_choices(run_dir, command, found.lost),
        )
    raise CheckpointMismatch(
        "The run directory contains an unfinished load of another plan; nothing in it was changed.",
        where=str(run_dir),
        why=shown(found.changes),
        next_step="resume it with the settings and files with which it began, name another --run-dir, or "
        "start over with --restart: the old checkpoint is kept under another name, but cannot be resumed",
    )


def _choices(run_dir: Path, command: str, lost: Sequence[str]) -> str:
    """Return the two ways to continue, as commands if the command is known."""
    finish = "finish the unfinished load first, then load the other files"
    if lost:
        more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
        finish = f"restore {lost[0]}{more} as it was, then finish the unfinished load"
    ways = (
        (finish, "resume"),
        (
            "or replace it and load the files that are named now; its checkpoint is kept",
            "supersede",
        ),
    )
    line = CommandLine.parsed(command)
    if line is None:
        return "; ".join(f"{what}: --unfinished {word}" for what, word in ways)
    if line.value_of("--run-dir") is None:
        line = line.having("--run-dir", str(run_dir))
    return "\n".join(f"{what}:\n{line.having('--unfinished', word).pasteable()}" for what, word in ways)


def _archive(path: Path, found: _Found | None, now: float) -> None:
    """Rename the old checkpoint, if there is one."""
    if found is not None and found.load_id is not None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            make_single_file(connection)
        name = found.load_id
    else:
        name = f"{UNREADABLE_PREFIX}{_new_load_id(now)}"
    archive_checkpoint(path.parent, name)


def _create(path: Path, plan: Plan, generation: int, now: float) -> None:
    """Create a checkpoint under a temporary name, and rename it when it is complete."""
    with drafting(path) as draft:
        make_private_file(draft)
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # ``drafting`` flushes the whole file once
            create_tables(connection)
            settings = orjson.dumps(dict(plan.settings)).decode()
            cuts = (plan.window_rows, plan.slice_rows)
            connection.execute(
                "INSERT INTO load (id, created_at, settings, command, generation, window_rows, slice_rows)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_new_load_id(now), now, settings, plan.command, generation, *cuts),
            )
            connection.executemany(
                "INSERT INTO files (number, path, format, size_bytes, modified_ns, fingerprint, copy, rows,"
                " changed_ns, inode, rows_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                map(_stored, plan.files),
            )


def _stored(file: SourceFile) -> list[Any]:
    """Return the values of a file that the checkpoint stores."""
    return [getattr(file, each.name) for each in fields(SourceFile)]


def _prepare_run(
    connection: sqlite3.Connection, plan: Plan, *, retry_failed: bool, now: float
) -> tuple[RunRecord, Disagreement]:
    """Record the events that a killed run left in doubt, and return the run that begins."""
    connection.execute("BEGIN IMMEDIATE")
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM runs").fetchone()
    connection.executemany(
        LEAVE_IN_DOUBT, [(*each, LOST_ANSWER, last, NO_ANSWER) for each in left_in_doubt(connection)]
    )
    connection.execute("DELETE FROM marks")
    disagreement = reconcile(connection, last)
    connection.execute("UPDATE runs SET cause = 'killed' WHERE ended_at IS NULL")
    moved = [(file.path, file.number, file.path) for file in plan.files]
    connection.execute("DELETE FROM connection")
    connection.execute(
        "INSERT INTO connection (settings) VALUES (?)", (orjson.dumps(dict(plan.connection)).decode(),)
    )
    connection.executemany("UPDATE files SET path = ? WHERE number = ? AND path <> ?", moved)
    connection.execute("COMMIT")
    return RunRecord(last + 1, os.getpid(), retry_failed, now), disagreement


def _new_load_id(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@contextmanager
def _refused_by_disk(run_dir: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CheckpointError(
            "The run directory cannot be used.",
            where=str(run_dir),
            why=(error.strerror if isinstance(error, OSError) else None) or str(error),
            next_step="free space, make it writable, or name another one with --run-dir",
        ) from error
