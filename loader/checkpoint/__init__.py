"""What has been done: a file that makes a load resumable after any end."""

from loader.checkpoint.checkpoint import Checkpoint
from loader.checkpoint.doubt import SAFE_SECONDS, TOKEN_MARGIN_SECONDS
from loader.report.export import export_failed, export_rejected
from loader.checkpoint.opening import open_checkpoint
from loader.report.overview import Doubt, LoadState, Overview, Trouble, read_overview
from loader.checkpoint.plan import Plan
from loader.checkpoint.progress import InDoubtEvent, WindowProgress
from loader.checkpoint.queries import FileTotals, RunEnd, Totals

__all__ = [
    "SAFE_SECONDS",
    "TOKEN_MARGIN_SECONDS",
    "Checkpoint",
    "Doubt",
    "FileTotals",
    "InDoubtEvent",
    "LoadState",
    "Overview",
    "Plan",
    "RunEnd",
    "Totals",
    "Trouble",
    "WindowProgress",
    "export_failed",
    "export_rejected",
    "open_checkpoint",
    "read_overview",
]
