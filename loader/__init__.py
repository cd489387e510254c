"""Bulk loader from Parquet, CSV and NDJSON extracts into AWS Supply Chain.

    summary = run_load(Job(extract=["orders.parquet"], event_type="scn.data.inboundorder", ...))

The names below are the library; the command line is a thin skin over them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.drafting import Draft, draft_job
    from loader.errors import ExitCode, LoaderError
    from loader.job import Job, read_job
    from loader.loading.api import run_load, stream_load
    from loader.model import Event, EventResult, EventState
    from loader.preview import Preview
    from loader.preview.preview import plan
    from loader.report import LoadSummary, Snapshot

__all__ = [
    "Draft",
    "Event",
    "EventResult",
    "EventState",
    "ExitCode",
    "Job",
    "LoadSummary",
    "LoaderError",
    "Preview",
    "Snapshot",
    "draft_job",
    "plan",
    "read_job",
    "run_load",
    "stream_load",
]

_HOMES = {
    "loader.drafting": ("Draft", "draft_job"),
    "loader.errors": ("ExitCode", "LoaderError"),
    "loader.job": ("Job", "read_job"),
    "loader.model": ("Event", "EventResult", "EventState"),
    "loader.loading.api": ("run_load", "stream_load"),
    "loader.preview": ("Preview",),
    "loader.preview.preview": ("plan",),
    "loader.report": ("LoadSummary", "Snapshot"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the emulator's process, for one, has no use for polars."""
    from importlib import import_module  # noqa: PLC0415 - only this function needs it

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'loader' has no attribute '{name}'")
