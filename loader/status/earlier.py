"""The earlier loads of a run directory: those kept, those that ``--keep`` removed, and those it must keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.checkpoint.earlier.retention import EarlierLoad, beyond, earlier_loads
from loader.checkpoint.start.removed_loads import removed_loads
from loader.command_line import scn_loader
from loader.errors import CheckpointError
from loader.job import Keep
from loader.private_files import with_sidecars
from loader.report import figures
from loader.report.figures import printable
from loader.shards.parts import part_folders
from loader.status.overview import Overview, kept_checkpoints

SHOWN_LOADS = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """The earlier loads of a run directory.

    Attributes:
        keep: The rule of the present load.
        kept: Checkpoints that exist, oldest first; of a load with shards, those of shard 1.
        size_bytes: Their size.
        removed: Number of loads that ``--keep`` removed; None if the list cannot be read.
        staying: Loads that the rule covers but that must stay, with the reason.
    """

    keep: Keep
    kept: Sequence[Path]
    size_bytes: int
    removed: int | None
    staying: Sequence[EarlierLoad]


def read_earlier(overview: Overview, now: float) -> Earlier:
    """Return the earlier loads beside the present one.

    Args:
        overview: The present load of the run directory.
        now: Epoch seconds.
    """
    rule = overview.plan.connection.get("keep") if overview.plan is not None else None
    keep = Keep.of_text(rule or "all")
    folders = _folders(overview)
    kept = [path for is_first, folder in folders if is_first for path in kept_checkpoints(folder)]
    every = [path for _, folder in folders for path in kept_checkpoints(folder)]
    sizes = [_size(path) for each in every for path in with_sidecars(each)]
    try:
        removed: int | None = sum(len(removed_loads(folder)) for is_first, folder in folders if is_first)
    except (CheckpointError, OSError):
        removed = None
    old = [] if keep.is_all else [beyond(earlier_loads(folder), keep, now) for _, folder in folders]
    staying = [load for loads in old for load in loads if load.stays_because]
    return Earlier(keep, kept, sum(sizes), removed, staying)


def _folders(overview: Overview) -> Sequence[tuple[bool, Path]]:
    """Return the folders with earlier checkpoints, and whether each of these stands for a load: shard 1."""
    if not overview.shards:
        return [(True, overview.run_dir)]
    return [(shard.number == 1, folder) for shard, folder in part_folders(overview.run_dir)]


def earlier_text(earlier: Earlier) -> str:
    """Return the lines of ``status``, each with its line end; empty without earlier loads."""
    return "".join(f"{line}\n" for line in _lines(earlier))


def earlier_values(earlier: Earlier) -> Mapping[str, Any]:
    """Return the same as values of ``status --json``."""
    return {
        "keep": str(earlier.keep),
        "earlier": [str(path) for path in earlier.kept],
        "earlier_bytes": earlier.size_bytes,
        "earlier_removed": earlier.removed,
        "earlier_staying": [
            {"checkpoint": str(load.checkpoint), "why": load.stays_because} for load in earlier.staying
        ],
    }


def _lines(earlier: Earlier) -> Iterator[str]:
    if earlier.kept:
        loads = figures.counted(len(earlier.kept), "load")
        latest = ", the last" if len(earlier.kept) > 1 else ""
        yield f"earlier   {loads} of this run directory, {figures.size(earlier.size_bytes)}{latest}:"
        for path in earlier.kept[-SHOWN_LOADS:]:
            yield f"  {scn_loader('status', path)}"
    if earlier.keep.is_all and not earlier.removed:
        return
    removed = "a number of" if earlier.removed is None else figures.count(earlier.removed)
    one = earlier.removed == 1
    yield (
        f"keep      --keep {earlier.keep}; {removed} earlier {'load was' if one else 'loads were'} removed, "
        f"and the files that {'it' if one else 'they'} delivered are still known"
        if earlier.removed != 0
        else f"keep      --keep {earlier.keep}; no load was removed yet"
    )
    for load in earlier.staying[:SHOWN_LOADS]:
        yield f"          {printable(load.checkpoint.name)} stays: {load.stays_because}"
    if len(earlier.staying) > SHOWN_LOADS:
        more = len(earlier.staying) - SHOWN_LOADS
        yield f"          and {figures.count(more)} more {'stays' if more == 1 else 'stay'}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
