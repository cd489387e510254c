"""The loads of a folder of run directories, two lines each."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loader.atomic import DRAFT_PREFIX
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.command_line import scn_loader
from loader.job import SHARDS_NAME
from loader.report import figures
from loader.report.figures import printable
from loader.shards.parts import shard_folders
from loader.status.overview import LoadState, Overview, kept_checkpoints
from loader.status.overview_text import STATES, is_rehearsal
from loader.status.whole_overview import read_load

MOST_LEVELS = 3
"""Depth of the search. Corrected rows have their run directory inside that of their load."""


def loads_below(folder: Path, now: float) -> list[Overview]:
    """Return the loads of all run directories in a folder, newest first.

    Args:
        folder: The folder with the run directories. It must not be a run directory itself.
        now: Epoch seconds.
    """
    found = [read_load(place, now) for place in _places(folder, MOST_LEVELS)]
    return sorted(found, key=lambda each: each.created_at or 0.0, reverse=True)


def _places(folder: Path, levels: int) -> Iterator[Path]:
    """Yield each run directory, or its kept checkpoints if it has only those."""
    if (folder / CHECKPOINT_NAME).exists() or shard_folders(folder):
        yield folder
    else:
        yield from kept_checkpoints(folder)
    if levels:
        try:
            inside = sorted(each for each in folder.iterdir() if _is_place(each))
        except OSError:
            return
        for each in inside:
            yield from _places(each, levels - 1)


def _is_place(folder: Path) -> bool:
    if folder.name == SHARDS_NAME or folder.name.startswith(DRAFT_PREFIX):
        return False  # of a draft that a killed process left, nothing was sent
    return folder.is_dir() and not folder.is_symlink()


def listing_text(loads: Sequence[Overview]) -> str:
    """Return two lines for each load: its state, and the command that shows more."""
    return "\n".join(line for load in loads for line in _lines(load))


def _lines(load: Overview) -> Iterator[str]:
    began = (
        ""
        if load.created_at is None
        else f"{datetime.fromtimestamp(load.created_at, UTC):%Y-%m-%d %H:%M} UTC"
    )
    kind = "" if load.plan is None else str(load.plan.settings.get("event_type", ""))
    place = load.checkpoint if load.is_earlier else load.run_dir
    parts = [began, kind, _state(load), *_numbers(load), "rehearsal" if is_rehearsal(load) else ""]
    yield printable("  ".join(part for part in parts if part))
    yield f"  {scn_loader('status', place)}"


def _state(load: Overview) -> str:
    code = f" (exit code {int(load.last_run.exit_code)})" if load.last_run is not None else ""
    return STATES[load.state].partition(" (")[0] + code if load.state is not LoadState.NONE else "no load"


def _numbers(load: Overview) -> Iterator[str]:
    if load.totals is not None:
        total = figures.counted(load.totals.events_total, "event")
        yield f"{figures.count(load.totals.events_accepted)} of {total} accepted"
