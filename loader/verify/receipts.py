"""The receipts of a load as a table: the result of each event, and its rows."""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TextIO

import polars as pl

from loader.atomic import DRAFT_PREFIX, replacing
from loader.checkpoint.plan import Plan
from loader.checkpoint.verdicts import Receipt, Verdict, Verdicts, open_verdicts
from loader.errors import ExtractError, SettingsError
from loader.extract import open_extract
from loader.model import Event
from loader.shards.division import checkpoint_folders
from loader.verify.replanning import RowPlace, places_of, replan
from loader.verify.stored_settings import stored_plan, stored_settings

STATUS = {Verdict.UNDECIDED: "accepted", Verdict.STILL_IN_PROGRESS: "in_progress"}
"""Other verdicts keep their names."""

NOT_ACCEPTED = "not_accepted"

STATUSES = {NOT_ACCEPTED, *(STATUS.get(verdict, verdict.name.lower()) for verdict in Verdict)}


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """An event of a load, or a part of one that was refused as a whole.

    Attributes:
        event_id: Its receipt; empty if it was not accepted.
        status: succeeded, failed, in_progress, known, unknown or missing after a verify; accepted before it;
            not_accepted without a receipt.
        file: Path of the file of its first row.
        first_row: Its first row in that file, from 1 without the header.
        last_row: Its last row, in the file of that row.
        rows: Number of its rows.
        group: Its eventGroupId.
        token: Its clientToken; a part has the token of its event.
        planned_at: When its window was first planned (ISO 8601, UTC). The event was accepted later.
        settled_at: When all events of its window had outcomes. The event was accepted earlier. Empty before
            that.
    """

    event_id: str
    status: str
    file: str
    first_row: int
    last_row: int
    rows: int
    group: str
    token: str
    planned_at: str
    settled_at: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Selects events; without any value, it selects all.

    Attributes:
        group: Events of this group.
        path: Events with a row of this file ...
        row: ... with this number, as the user sees it.
        status: Events of this status.
    """

    group: str | None = None
    path: str | None = None
    row: int | None = None
    status: str | None = None


def export_receipts(run_dir: Path, wanted: Wanted, output: Path | None, stdout: TextIO) -> int:
    """Write the receipts of a load as CSV, or as Parquet by the file's name. Return the number of lines.

    Args:
        run_dir: The run directory.
        wanted: Which events to write.
        output: A new file, readable by its owner only; None for ``stdout``.
        stdout: Receives CSV if ``output`` is None.

    Raises:
        SettingsError: The file exists or cannot be written, or the wanted row does not belong to the extract.
        CheckpointError: The checkpoint cannot be read.
        ExtractError: The extract cannot be read.
    """
    lines = _all_lines(run_dir, wanted)
    if output is None:
        return _write_csv(lines, stdout)
    try:
        with replacing(output, overwrite=False) as file:
            if output.suffix.lower() == ".parquet":
                return _write_parquet(lines, file, output.parent)
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            count = _write_csv(lines, text)
            text.detach()  # flushes it, and leaves the file open
            return count
    except FileExistsError as error:
        raise SettingsError(
            "The file exists already.", where=str(output), next_step="name another one with -o"
        ) from error
    except OSError as error:
        raise SettingsError(
            "The receipts cannot be written.",
            where=str(output),
            why=error.strerror or str(error),
            next_step="name another file with -o, in a folder that exists",
        ) from error


def _write_parquet(lines: Iterator[ReceiptLine], file: BinaryIO, folder: Path) -> int:
    """Write lines as Parquet by way of a temporary CSV file, so that few are in memory at a time."""
    numbers = {"first_row": pl.Int64, "last_row": pl.Int64, "rows": pl.Int64}
    types = {each.name: numbers.get(each.name, pl.String) for each in fields(ReceiptLine)}
    with TemporaryDirectory(prefix=DRAFT_PREFIX, suffix=".part", dir=folder) as private:
        text = Path(private) / "receipts.csv"
        with text.open("w", encoding="utf-8", newline="") as opened:
            count = _write_csv(lines, opened)
        pl.scan_csv(text, schema=types).sink_parquet(file)
    return count


def _all_lines(run_dir: Path, wanted: Wanted) -> Iterator[ReceiptLine]:
    """Yield the lines of a load, shard by shard if it has shards."""
    for folder in checkpoint_folders(run_dir):
        with open_verdicts(folder) as verdicts:
            yield from _lines(folder, verdicts, wanted)


def _write_csv(lines: Iterator[ReceiptLine], file: TextIO) -> int:
    first = next(lines, None)  # raises what refuses the command, before anything is written
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([each.name for each in fields(ReceiptLine)])
    count = 0
    for line in chain(() if first is None else (first,), lines):
        writer.writerow(astuple(line))
        count += 1
    return count


def _lines(run_dir: Path, verdicts: Verdicts, wanted: Wanted) -> Iterator[ReceiptLine]:
    plan = stored_plan(run_dir)
    paths = [file.path for file in plan.files]
    place = _wanted_place(wanted, plan)
    settings = stored_settings(run_dir, plan)
    if settings.reads_schema:
        raise ExtractError(
            "The receipts of a load with --live-schema cannot be listed by row.",
            where=str(run_dir),
            why="planning its events again needs the service",
            next_step="name the columns in [mapping] instead of --live-schema in the next load",
        )
    with closing(open_extract(settings.extract)) as extract:
        for window in replan(settings.destination, extract, verdicts):
            times = [_as_text(at) for at in verdicts.times(window.number)]
            receipts = _by_event(verdicts, window.number)
            for event in window.events:
                if wanted.group is not None and event.group != wanted.group:
                    continue
                for receipt in receipts.get(event.index, (None,)):
                    if wanted.status not in (None, _status(verdicts, receipt)):
                        continue
                    places = _places(verdicts, event, receipt)
                    if place is None or place in places:
                        yield ReceiptLine(
                            receipt.event_id if receipt is not None else "",
                            _status(verdicts, receipt),
                            paths[places[0][0]],
                            _row_number(plan, places[0]),
                            _row_number(plan, places[-1]),
                            len(places),
                            event.group,
                            event.token,
                            *times,
                        )


def _by_event(verdicts: Verdicts, window: int) -> dict[int, list[Receipt | None]]:
    found: dict[int, list[Receipt | None]] = {}
    for receipt in verdicts.receipts_of(window):
        found.setdefault(receipt.index, []).append(receipt)
    return found


def _places(verdicts: Verdicts, event: Event, receipt: Receipt | None) -> list[RowPlace]:
    if receipt is None or receipt.first_record is None:
        return places_of(event)
    count = verdicts.records_of_part(receipt.window, receipt.index, receipt.first_record)
    return places_of(event, receipt.first_record, count)


def _status(verdicts: Verdicts, receipt: Receipt | None) -> str:
    if receipt is None:
        return NOT_ACCEPTED
    verdict = verdicts.verdict(receipt)
    return STATUS.get(verdict, verdict.name.lower())


def _row_number(plan: Plan, place: RowPlace) -> int:
    file, row = place
    return plan.files[file].row_number(row)


def _wanted_place(wanted: Wanted, plan: Plan) -> RowPlace | None:
    if wanted.path is None or wanted.row is None:
        return None
    path, paths = wanted.path, [file.path for file in plan.files]
    named = [number for number, each in enumerate(paths) if each in (path, str(Path(path).absolute()))]
    named = named or [number for number, each in enumerate(paths) if Path(each).name == path]
    if len(named) != 1:
        raise SettingsError(
            "The load did not read this file." if not named else "Several files of the load have this name.",
            where=path,
            why=f"the load read {paths[0]}" + (f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""),
            next_step="name one of the files of the load, by its whole path",
        )
    return named[0], wanted.row - plan.files[named[0]].row_number(0)


def _as_text(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
