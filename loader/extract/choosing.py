"""Choose the files that a run sends: delivered files are left out, and an unfinished load comes first.

Nothing is dropped silently: files that are left out, wait or changed are reported, in one sentence per kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loader.checkpoint.start.delivered import (
    Delivered,
    Identity,
    StoredLoad,
    delivered_before,
    identity,
    is_for,
    present_load,
)
from loader.errors import CheckpointMismatch, LoaderError, NothingNew
from loader.extract.find_files import file_at, numbered
from loader.extract.settings import FileSettings, ResumeSettings
from loader.job.sections import STANDARD_INPUT, Unfinished
from loader.model import SourceFile
from loader.shards.other_divisions import delivered_by_other_divisions
from loader.sources import local_paths
from loader.sources.local_paths import S3_SCHEME
from loader.sources.s3 import finding as s3_finding

_SHOWN_FILES = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen files of a run.

    Attributes:
        files: The files to send, numbered.
        notes: Notes for the user.
        waiting: Number of files that wait for the end of the unfinished load.
    """

    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()
    waiting: int = 0


def choose_files(settings: ResumeSettings, named: FileSettings, files: tuple[SourceFile, ...]) -> Chosen:
    """Return the files of a load that are to be sent now.

    Args:
        settings: How the load continues earlier loads.
        named: Which files the load has, and how they are read.
        files: The files that it found.

    Raises:
        NothingNew: All of them were delivered before.
        CheckpointMismatch: An unfinished load is to be resumed, but some of its files are gone or changed.
        CheckpointError: The list of delivered files cannot be read.
    """
    if settings.restart or STANDARD_INPUT in named.names:
        return Chosen(files)
    run_dir = settings.checkpoint_dir.absolute()
    plan = settings.plan_settings
    leaves_out = _is_open_ended(named.names) and not settings.again
    delivered = delivered_before(run_dir, plan) if leaves_out else Delivered()
    before = delivered.paths
    if leaves_out:
        before |= delivered_by_other_divisions(settings.run_dir.absolute(), settings.shard, plan)
    present = present_load(run_dir)
    if present is not None and not is_for(present, plan):
        present = None  # open_checkpoint reports the difference
    if present is not None:
        rest = [file for file in files if identity(file) not in before]
        resumes = settings.unfinished is Unfinished.RESUME
        if resumes and not present.is_finished and not _same(rest, present.files):
            return _of_unfinished(named, rest, present, run_dir)
        if present.is_finished and settings.retry_failed:
            return _of_present(files, present)
        if present.is_finished and leaves_out and not _same(rest, present.files):
            before |= {identity(file): file.path for file in present.files}
    superseded = present if settings.unfinished is Unfinished.SUPERSEDE else None
    chosen = _undelivered(files, before, superseded)
    return replace(chosen, notes=(*_not_known(delivered), *chosen.notes))


def _undelivered(
    files: Sequence[SourceFile], before: Mapping[Identity, str], superseded: StoredLoad | None
) -> Chosen:
    out = [file for file in files if identity(file) in before]
    rest = [file for file in files if identity(file) not in before]
    if not rest:
        number = "The file was" if len(out) == 1 else f"All {len(out):,} files were"
        raise NothingNew(
            f"Nothing new: {number[0].lower()}{number[1:]} delivered before.",
            where=_names([file.path for file in out]),
            next_step="send them again, as new events, with --again",
        )
    notes = list(_dropped(rest, superseded))
    if out:
        verb, them = ("1 file is", "it") if len(out) == 1 else (f"{len(out):,} files are", "them")
        notes.append(
            f"{verb} left out because this job delivered {them} before: "
            f"{_names([file.path for file in out])}. --again sends {them} again."
        )
    paths = set(before.values())
    if changed := [file.path for file in rest if file.path in paths]:
        verb = "1 file has" if len(changed) == 1 else f"{len(changed):,} files have"
        notes.append(f"{verb} changed since delivery; all rows are sent: {_names(changed)}.")
    return Chosen(numbered(rest), tuple(notes))


def _not_known(delivered: Delivered) -> tuple[str, ...]:
    """Name the checkpoints of earlier loads that could not be read, so that their files are unknown."""
    if not delivered.unreadable:
        return ()
    number = len(delivered.unreadable)
    if number == 1:
        subject, its = "The checkpoint of 1 earlier load", "its"
    else:
        subject, its = f"The checkpoints of {number:,} earlier loads", "their"
    names = _names([str(path) for path in delivered.unreadable])
    return (f"{subject} cannot be read, so {its} files count as not delivered: {names}.",)


def _of_unfinished(
    named: FileSettings, files: Sequence[SourceFile], load: StoredLoad, run_dir: Path
) -> Chosen:
    """Return the files of an unfinished load, also if they were moved; the other files wait."""
    given = {identity(file): file for file in files}
    found: list[SourceFile] = []
    missing: list[str] = []
    for stored in load.files:
        file = given.get(identity(stored)) or _at(named, stored)
        if file is None:
            missing.append(stored.path)
        else:
            found.append(replace(file, number=stored.number, copy=stored.copy))
    if missing:
        raise CheckpointMismatch(
            "Files of the unfinished load are gone or changed, so it cannot be resumed.",
            where=str(run_dir),
            why=f"it needs {_names(missing)}",
            next_step="restore the files, or abandon the load with --unfinished supersede: its unsent "
            "rows are then not sent",
        )
    wanted = {identity(file) for file in load.files}
    waiting = sum(identity(file) not in wanted for file in files)
    verb = "1 file waits" if waiting == 1 else f"{waiting:,} files wait"
    more = f"; {verb} until it has ended" if waiting else ""
    note = f"The unfinished load {load.load_id} is resumed first{more}."
    return Chosen(tuple(found), (note,), waiting=waiting)


def _of_present(files: Sequence[SourceFile], load: StoredLoad) -> Chosen:
    """Return the files of the load whose failed events are sent again."""
    wanted = {identity(file) for file in load.files}
    chosen = [file for file in files if identity(file) in wanted]
    others = len(files) - len(chosen)
    if not others or len(chosen) != len(load.files):
        return Chosen(tuple(files))
    verb = "1 file is" if others == 1 else f"{others:,} files are"
    note = f"{verb} not part of the load whose failed events are sent again; then run without --retry-failed."
    return Chosen(numbered(chosen), (note,))


def _dropped(files: Sequence[SourceFile], superseded: StoredLoad | None) -> tuple[str, ...]:
    """Name the files of an unfinished load that are lost by superseding it."""
    if superseded is None or superseded.is_finished:
        return ()
    given = {identity(file) for file in files}
    lost = [file.path for file in superseded.files if identity(file) not in given]
    if not lost:
        return ()
    verb, them = ("1 file", "it") if len(lost) == 1 else (f"{len(lost):,} files", "them")
    where = f"of the superseded load {superseded.load_id}"
    return (f"{verb} {where} will not be sent: this extract does not contain {them}: {_names(lost)}.",)


def _at(named: FileSettings, stored: SourceFile) -> SourceFile | None:
    """Return the file at the path of a stored one if it is unchanged."""
    try:
        file = file_at(stored.path, named.format, named.s3.client())
    except (LoaderError, ValueError):
        return None
    return file if identity(file) == identity(stored) else None


def _same(files: Sequence[SourceFile], others: Sequence[SourceFile]) -> bool:
    return [identity(file) for file in files] == [identity(file) for file in others]


def _is_open_ended(patterns: Sequence[str]) -> bool:
    """Return whether an extract may consist of several files."""
    return len(patterns) > 1 or any(
        pattern.startswith("@")
        or (s3_finding if pattern.startswith(S3_SCHEME) else local_paths).is_open_ended(pattern)
        for pattern in patterns
    )


def _names(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN_FILES
    return ", ".join(paths[:_SHOWN_FILES]) + (f" and {more:,} more" if more > 0 else "")
