"""Rejected rows as files of the extract's own format and columns, to be corrected and loaded.

Rules kept here:

1. The files are derived: the checkpoint says which rows, the extract what they hold. Nothing is appended
   while the load runs, so no kill can lose or double a row.
2. They are written once the whole extract was read, beside their place, and moved there as one folder. What
   is there is never written again: it may have been corrected.
"""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import orjson

from loader.atomic import drafting, make_private_file
from loader.checkpoint.file_names import REJECTED_NAME
from loader.checkpoint.plan import Plan
from loader.checkpoint.rejected import open_rejected
from loader.checkpoint.start.correction_folders import REASONS_NAME
from loader.errors import CheckpointError, LoaderError, contained_call
from loader.extract import Table, reopen_table
from loader.job import CsvSettings
from loader.model import SourceFile
from loader.shards.whole import whole_load
from loader.sources.compression import without_suffix
from loader.sources.partitions import partition_folders

log = logging.getLogger(__name__)

SETTINGS_NAME = ".csv-settings.json"
"""How the extract's CSV files turned out to be written, where all agree: fewer rows might not show it."""


class NotAllRead(CheckpointError):
    """Not all of the extract was read, so rows that are still to come may be rejected too."""


class RowsToCorrect(Protocol):
    """Rows of an extract to be written for correction."""

    plan: Plan

    @property
    def files(self) -> Sequence[int]:
        """Numbers of the files that have some, ascending."""

    def rows(self, file: int) -> Iterator[int]:
        """Yield their positions in a file, from 0, ascending."""

    def reasons(self) -> Iterator[tuple[int, int, str, str, str]]:
        """Yield file, row (from 0), column, code and reason of each, in their order."""

    def left_out(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield file, row (from 0), code and reason of rows that are named, and not to be loaded again."""


def write_rejects(run_dir: Path, opened: Callable[[SourceFile], Table] | None = None) -> Sequence[Path]:
    """Write the rejected rows of a load to files for correction, unless it was done before.

    Args:
        run_dir: Run directory of the load.
        opened: Gives a file of the extract, where the load has them open.

    Returns:
        The files.

    Raises:
        CheckpointError: The checkpoint cannot be read, the load did not read all of its extract, or the
            files cannot be written.
        ExtractError: The extract cannot be read any more, or changed.
    """
    with whole_load(run_dir) as whole, open_rejected(run_dir if whole is None else whole.place) as rejected:
        folder = run_dir / REJECTED_NAME
        if not rejected.files or folder.exists():
            return rejected_files(run_dir)
        if not rejected.has_all:
            raise NotAllRead(
                "The load has not read all of its extract yet.",
                where=str(run_dir),
                why="rows that are still to come may be rejected too",
                next_step="let it come to its end; write those so far to a file:\n"
                f"scn-loader status {shlex.quote(str(run_dir.absolute()))} --rejected rejected.csv",
            )
        write_row_files(rejected, folder, opened)
    return rejected_files(run_dir)


def write_row_files(
    rows: RowsToCorrect, folder: Path, opened: Callable[[SourceFile], Table] | None = None
) -> None:
    """Write rows of an extract to files of its own format in a new folder, with the reasons beside them.

    Args:
        rows: Which rows, and why.
        folder: The folder; it is there when it is whole, and not before.
        opened: Gives a file of the extract, where they are open.

    Raises:
        CheckpointError: The files cannot be written.
        ExtractError: The extract cannot be read any more, or changed.
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
        ) from error


def rejected_files(run_dir: Path, name: str = REJECTED_NAME) -> Sequence[Path]:
    """Return the files with rejected rows, or those of another folder, in the order of the extract."""
    folder = run_dir / name
    found = [path for path in folder.rglob("*") if path.is_file()]
    named = [path for path in found if path.name != REASONS_NAME and not path.name.startswith(".")]
    return sorted(named, key=lambda path: (path.name, path))


def settings_found(run_dir: Path, name: str = REJECTED_NAME) -> Mapping[str, str]:
    """Return the CSV settings, by name, that the files with rejected rows are to be read with."""
    path = run_dir / name / SETTINGS_NAME
    return dict(orjson.loads(path.read_bytes())) if path.exists() else {}


def keep_rejects(run_dir: Path, opened: Callable[[SourceFile], Table]) -> None:
    """Write the rejected rows at the end of a load, which ends as it ended, whether that works or not.

    Of a load with shards they are written by the shard that ends last.

    Args:
        run_dir: Run directory of the whole load.
        opened: Gives a file of the extract.
    """
    try:
        contained_call(write_rejects, run_dir, opened)
    except NotAllRead:
        log.info("The rejected rows are written when the last shard ends.")
    except LoaderError as error:
        log.warning(
            "The rejected rows were not written for correction; status has the command: %s", error.what
        )


def _write_all(rejected: RowsToCorrect, folder: Path, opened: Callable[[SourceFile], Table] | None) -> None:
    csv = CsvSettings(**rejected.plan.settings.get("csv", {}))
    names = {number: _name(rejected.plan.files, number) for number in rejected.files}
    found: list[Mapping[str, str]] = []
    for number, name in names.items():
        file = rejected.plan.files[number]
        table = reopen_table(file, csv) if opened is None else opened(file)
        for parent in reversed((folder / name).relative_to(folder).parents):
            (folder / parent).mkdir(mode=0o700, exist_ok=True)
        make_private_file(folder / name)
        table.copy_rows(rejected.rows(number), folder / name)
        if table.settings_found:
            found.append(table.settings_found)
    if found and all(each == found[0] for each in found):
        make_private_file(folder / SETTINGS_NAME)
        (folder / SETTINGS_NAME).write_bytes(orjson.dumps(found[0]))
    _write_reasons(rejected, names, folder / REASONS_NAME)


def _write_reasons(rejected: RowsToCorrect, names: Mapping[int, str], path: Path) -> None:
    """Write one line per row: its place in the extract and in the new file, and why; none of its values."""
    make_private_file(path)
    last: tuple[int, int] = (-1, -1)
    place = 0
    with path.open("wb") as sidecar:
        for number, row, column, code, reason in rejected.reasons():
            if (number, row) != last:
                place = place + 1 if number == last[0] else 1
                last = (number, row)
            line = {
                "file": rejected.plan.files[number].path,
                "row": row + 1,
                "rejected_file": names[number],
                "rejected_row": place,
                "column": column,
                "code": code,
                "reason": reason,
            }
            sidecar.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        for number, row, code, reason in rejected.left_out():
            line = {
                "file": rejected.plan.files[number].path,
                "row": row + 1,
                "left_out": True,
                "code": code,
                "reason": reason,
            }
            sidecar.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _name(files: Sequence[SourceFile], number: int) -> str:
    """Return the name of a file's rejected rows; of several it begins with a number, for their order.

    The folders that give columns of the rows are part of it: the corrected rows need these columns too.
    """
    stem = Path(without_suffix(Path(files[number].path).name)).stem
    prefix = f"{number + 1:0{len(str(len(files)))}d}-" if len(files) > 1 else ""
    name = f"{prefix}{stem}.{files[number].format}"
    return "/".join([*partition_folders(files[number].path), name])
