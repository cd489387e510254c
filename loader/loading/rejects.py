"""Write rejected rows to files with the format and columns of the extract, for correction and a later load.

Rules kept here:

1. The files are derived from the checkpoint, which has the positions of the rejected rows, and the extract,
   which has their content. Nothing is appended while the load runs, so a kill cannot lose or double a row.
2. The files are written after the whole extract was read, to a temporary folder that is then renamed. An
   existing folder is never written again, because the user may have corrected its rows.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import orjson

from loader.atomic import drafting, make_private_file
from loader.checkpoint.file_names import REJECTED_NAME
from loader.checkpoint.plan import Plan
from loader.checkpoint.rejected import RejectedRows, open_rejected
from loader.checkpoint.start.archiving import archived_name
from loader.checkpoint.start.correction_folders import REASONS_NAME
from loader.command_line import scn_loader
from loader.errors import CheckpointError, LoaderError, contained_call
from loader.extract import Table, reopen_table
from loader.extract.path_columns import column_folders
from loader.job import CsvSettings, ExcelSettings
from loader.model import SourceFile
from loader.shards.parts import load_before
from loader.shards.whole import whole_load
from loader.sources.compression import without_suffix

log = logging.getLogger(__name__)

SETTINGS_NAME = ".csv-settings.json"
"""File with the CSV format of the extract. The rejected rows may be too few to detect it."""


MOST_NAME_BYTES = 255
"""Longest name of a file, in the usual file systems."""


class NotAllRead(CheckpointError):
    """The extract was not read to its end, so more rows may be rejected."""


class RowsToCorrect(Protocol):
    """Rows of an extract that are written for correction."""

    plan: Plan

    @property
    def files(self) -> Sequence[int]:
        """Numbers of the files with such rows, ascending."""

    def rows(self, file: int) -> Iterator[int]:
        """Yield the positions of such rows in a file, from 0, ascending."""

    def reasons(self) -> Iterator[tuple[int, int, str, str, str]]:
        """Yield file, row (from 0), column, code and reason of each row, in order."""

    def left_out(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield file, row (from 0), code and reason of rows that are listed but must not be loaded again."""


def write_rejects(run_dir: Path, opened: Callable[[SourceFile], Table] | None = None) -> Sequence[Path]:
    """Write the rejected rows of a load to files for correction, unless the files exist.

    Args:
        run_dir: Run directory of the load.
        opened: Returns an open file of the extract, or None to open the files again.

    Returns:
        The files.

    Raises:
        CheckpointError: The checkpoint cannot be read, the load did not read all of its extract, or the
            files cannot be written.
        ExtractError: The extract cannot be read any more, or has changed.
    """
    with _rejected_of(run_dir) as (rejected, has_all):
        folder = run_dir / REJECTED_NAME
        if not rejected.files or folder.exists():
            return rejected_files(run_dir)
        if not has_all:
            raise NotAllRead(
                "The load has not read all of its extract yet.",
                where=str(run_dir),
                why="rows that are not read yet may be rejected too",
                next_step="let it finish, or write the rejected rows so far to a file:\n"
                f"{scn_loader('status', run_dir, '--rejected', 'rejected.csv')}",
            )
        write_row_files(rejected, folder, opened)
    return rejected_files(run_dir)


@contextmanager
def _rejected_of(run_dir: Path) -> Iterator[tuple[RejectedRows, bool]]:
    """Open the rejected rows of a load or of all its shards; yield them, and whether no more can follow.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    with whole_load(run_dir) as whole, open_rejected(run_dir if whole is None else whole.place) as rejected:
        yield rejected, rejected.has_all if whole is None else whole.has_read_all


def write_row_files(
    rows: RowsToCorrect, folder: Path, opened: Callable[[SourceFile], Table] | None = None
) -> None:
    """Write rows of an extract to files of its format in a new folder, with a file of the reasons.

    Args:
        rows: The rows and the reasons.
        folder: The folder. It appears when it is complete.
        opened: Returns an open file of the extract, or None to open the files again.

    Raises:
        CheckpointError: The files cannot be written.
        ExtractError: The extract cannot be read any more, or has changed.
    """
    try:
        with drafting(folder) as draft:
            draft.mkdir(mode=0o700)
            _write_all(rows, draft, opened)
    except OSError as error:
        raise CheckpointError(
            "The rows cannot be written for correction.",
            where=str(folder),
            why=error.strerror or str(error),
            next_step="free space on the disk of the run directory, then run the command again",
        ) from error


def rejected_files(run_dir: Path, name: str = REJECTED_NAME) -> Sequence[Path]:
    """Return the files with rejected rows in a folder, in the order of the extract."""
    folder = run_dir / name
    found = [path for path in folder.rglob("*") if path.is_file()]
    named = [path for path in found if path.name != REASONS_NAME and not path.name.startswith(".")]
    return sorted(named, key=lambda path: (path.name, path))


def settings_found(run_dir: Path, name: str = REJECTED_NAME) -> Mapping[str, Sequence[str]]:
    """Return the CSV settings, by name, for reading the files with rejected rows."""
    path = run_dir / name / SETTINGS_NAME
    stored = orjson.loads(path.read_bytes()) if path.exists() else {}
    return {name: [values] if isinstance(values, str) else values for name, values in stored.items()}


def keep_rejects(run_dir: Path, opened: Callable[[SourceFile], Table]) -> None:
    """Write the rejected rows at the end of a load. A failure is logged and changes no result.

    In a load with shards, the shard that ends last writes them.

    Args:
        run_dir: Run directory of the whole load.
        opened: Returns an open file of the extract.
    """
    try:
        contained_call(write_rejects, run_dir, opened)
    except NotAllRead:
        log.info("The rejected rows are written when the last shard ends.")
    except LoaderError as error:
        if not (run_dir / REJECTED_NAME).exists():  # another shard may have written them at the same time
            log.warning(
                "The rejected rows were not written for correction; status has the command: %s", error.what
            )


def set_aside_old_rejects(run_dir: Path, generation: int) -> None:
    """Archive the rejected rows of an earlier load with shards, before the present load writes its own.

    They are outside the folders of the shards. They are moved to the folder of its first shard, under the
    name that they have in a load without shards, and are removed together with that shard's checkpoint.

    Args:
        run_dir: Run directory of the present load, whose checkpoints are open.
        generation: Generation of the present load.

    Raises:
        CheckpointError: A checkpoint cannot be read, or the folder cannot be moved.
    """
    folder = run_dir / REJECTED_NAME
    if not folder.is_dir():
        return
    with _rejected_of(run_dir) as (_, has_all):
        if has_all:
            return  # the present load has read everything, so it wrote these rows
    place, load_id = load_before(run_dir, generation)
    try:
        folder.rename(place / archived_name(REJECTED_NAME, load_id))
    except FileNotFoundError:
        return  # another shard moved it
    except OSError as error:
        raise CheckpointError(
            "The rejected rows of an earlier load cannot be moved.",
            where=str(folder),
            why=error.strerror or str(error),
            next_step="move that folder elsewhere, then run the same command again",
        ) from error


def _write_all(rejected: RowsToCorrect, folder: Path, opened: Callable[[SourceFile], Table] | None) -> None:
    csv = CsvSettings(**rejected.plan.settings.get("csv", {}))
    excel = ExcelSettings(**rejected.plan.settings.get("excel", {}))
    names = {number: _name(rejected.plan.files, number) for number in rejected.files}
    found: list[Mapping[str, Sequence[str]]] = []
    for number, name in names.items():
        file = rejected.plan.files[number]
        table = reopen_table(file, csv, excel) if opened is None else opened(file)
        for parent in reversed((folder / name).relative_to(folder).parents):
            (folder / parent).mkdir(mode=0o700, exist_ok=True)
        make_private_file(folder / name)
        table.copy_rows(rejected.rows(number), folder / name)
        if table.settings_found:
            found.append(table.settings_found)
    _write_settings(found, folder / SETTINGS_NAME)
    _write_reasons(rejected, names, folder / REASONS_NAME)


def _write_settings(found: Sequence[Mapping[str, Sequence[str]]], path: Path) -> None:
    """Write the settings that all files have in common."""
    names = found[0] if found else {}
    common = {name: names[name] for name in names if all(each.get(name) == names[name] for each in found)}
    if common:
        make_private_file(path)
        path.write_bytes(orjson.dumps(common))


def _write_reasons(rejected: RowsToCorrect, names: Mapping[int, str], path: Path) -> None:
    """Write one line per row: its positions in the extract and in the new file, and the reason. No values."""
    make_private_file(path)
    last: tuple[int, int] = (-1, -1)
    place = 0
    with path.open("wb") as sidecar:
        for number, row, column, code, reason in rejected.reasons():
            if (number, row) != last:
                place = place + 1 if number == last[0] else 1
                last = (number, row)
            line = {
                **_source(rejected.plan.files[number], row),
                "rejected_file": names[number],
                "rejected_row": place,
                "column": column,
                "code": code,
                "reason": reason,
            }
            sidecar.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        for number, row, code, reason in rejected.left_out():
            source = _source(rejected.plan.files[number], row)
            line = {**source, "left_out": True, "code": code, "reason": reason}
            sidecar.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _source(file: SourceFile, row: int) -> dict[str, object]:
    return {"file": file.path, "row": file.row_number(row)}


def _name(files: Sequence[SourceFile], number: int) -> str:
    """Return the name of the file for the rejected rows of a file. With several files it has a number.

    Folders whose names give columns of the rows are part of the name, because the corrected rows need these
    columns.
    """
    stem = Path(without_suffix(Path(files[number].path).name)).stem
    prefix = f"{number + 1:0{len(str(len(files)))}d}-" if len(files) > 1 else ""
    suffix = f".{files[number].format}"
    most_bytes = MOST_NAME_BYTES - len(prefix) - len(suffix)
    name = f"{prefix}{stem.encode()[:most_bytes].decode(errors='ignore')}{suffix}"
    return "/".join([*column_folders(files[number].path), name])
