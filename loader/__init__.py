"""Bulk loader from Parquet, CSV and NDJSON extracts into AWS Supply Chain.

    summary = run_load(Job(extract=["orders.parquet"], event_type="scn.data.inboundorder", ...))

The names below are the library. Each command of the command line calls one of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.drafting import Draft, draft_job
    from loader.drafting import draft_job as draft
    from loader.errors import ExitCode, LoaderError
    from loader.job import Job, read_job
    from loader.loading.library import LoadStream, load, run_load, stream_load
    from loader.model import Event, EventResult, EventState
    from loader.preview import Preview
    from loader.preview.planned_events import PlannedEvent, planned_events
    from loader.preview.preview import plan
    from loader.report import LoadSummary, LogFormatter, Snapshot

    __version__: str

__all__ = [
    "Draft",
    "Event",
    "EventResult",
    "EventState",
    "ExitCode",
    "Job",
    "LoadStream",
    "LoadSummary",
    "LoaderError",
    "LogFormatter",
    "PlannedEvent",
    "Preview",
    "Snapshot",
    "__version__",
    "draft",
    "draft_job",
    "load",
    "plan",
    "planned_events",
    "read_job",
    "run_load",
    "stream_load",
]

_HOMES = {
    "loader.drafting": ("Draft", "draft_job"),
    "loader.errors": ("ExitCode", "LoaderError"),
    "loader.job": ("Job", "read_job"),
    "loader.model": ("Event", "EventResult", "EventState"),
    "loader.loading.library": ("LoadStream", "load", "run_load", "stream_load"),
    "loader.preview": ("Preview",),
    "loader.preview.planned_events": ("PlannedEvent", "planned_events"),
    "loader.preview.preview": ("plan",),
    "loader.report": ("LoadSummary", "LogFormatter", "Snapshot"),
}


def __getattr__(name: str) -> Any:
    """Import a name on first use. For example, the process of the emulator does not need polars."""
    from importlib import import_module, metadata  # noqa: PLC0415 - only this function needs them

    if name == "__version__":
        return metadata.version("scn-loader")
    if name == "draft":  # it has the name of its command
        name = "draft_job"
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'loader' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Return the public names, which are imported when they are first used."""
    return sorted({*globals(), *__all__})
