"""The checkpoint: a file with the progress of a load. A load can be resumed from it after any kind of end."""

from loader.checkpoint.checkpoint import Checkpoint
from loader.checkpoint.plan import Plan
from loader.checkpoint.progress import WindowProgress
from loader.checkpoint.queries import FileTotals, RunEnd, Totals
from loader.checkpoint.start.opening import open_checkpoint, planned_generation
from loader.checkpoint.start.replacing import Replacing

__all__ = [
    "Checkpoint",
    "FileTotals",
    "Plan",
    "Replacing",
    "RunEnd",
    "Totals",
    "WindowProgress",
    "open_checkpoint",
    "planned_generation",
]
