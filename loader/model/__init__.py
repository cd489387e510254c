"""The values that a load works with: events, outcomes, plans, source files.

Rule kept here: this folder uses no files, sockets, clocks or settings.
"""

from loader.model.event import (
    MAX_EVENT_BYTES,
    MAX_GROUP_CHARS,
    SAFE_SECONDS,
    TOKEN_LIFE_SECONDS,
    TOKEN_MARGIN_SECONDS,
    Borders,
    Destination,
    Event,
    Operation,
)
from loader.model.event_result import EventResult, EventState, Part, PartResult, PartState
from loader.model.outcome import MAX_RETRY_AFTER_SECONDS, Outcome, OutcomeKind
from loader.model.slice_plan import FileRows, RejectedRow, SliceCounts, SlicePlan
from loader.model.source_file import WHOLE_FILE_BYTES, SourceFile

__all__ = [
    "MAX_EVENT_BYTES",
    "MAX_GROUP_CHARS",
    "MAX_RETRY_AFTER_SECONDS",
    "SAFE_SECONDS",
    "TOKEN_LIFE_SECONDS",
    "TOKEN_MARGIN_SECONDS",
    "WHOLE_FILE_BYTES",
    "Borders",
    "Destination",
    "Event",
    "EventResult",
    "EventState",
    "FileRows",
    "Operation",
    "Outcome",
    "OutcomeKind",
    "Part",
    "PartResult",
    "PartState",
    "RejectedRow",
    "SliceCounts",
    "SlicePlan",
    "SourceFile",
]
