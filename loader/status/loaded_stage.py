"""The third stage of a load in words: whether the accepted events are loaded (pure).

Summary, ``status``, page and ``verify`` use the same words. Only events of type ``scn.data.dataset`` have a
load status (docs/service.md 3.4). For typed events, the service confirms only that it knows them.
"""

from collections.abc import Mapping
from typing import Any

from loader.checkpoint.verdicts import Verdict
from loader.job import DATASET_EVENT_TYPE
from loader.report import figures

LINES = (
    (Verdict.MISSING, "missing", "accepted, but unknown to the service"),
    (Verdict.FAILED, "failed", "their records are not in the data lake"),
    (Verdict.SUCCEEDED, "succeeded", "loaded into the data lake"),
    (Verdict.IN_PROGRESS, "in progress", "their load has not ended yet"),
    (
        Verdict.KNOWN,
        "known",
        "accepted and known to the service, which reports no load status for typed events",
    ),
    (Verdict.UNKNOWN, "unknown", "older than 30 days; the service no longer reports them"),
    (Verdict.UNDECIDED, "not asked", "the service was not asked about them yet, or gave no answer"),
)
"""Verdict, word and meaning. The worst verdict comes first."""

NOT_ASKED = "not verified yet; accepted does not mean loaded"

NO_LOAD_STATUS = "the service reports no load status for typed events"


def reports_load_status(settings: Mapping[str, Any]) -> bool:
    """Return whether the service reports a load status for the events of a load.

    Args:
        settings: The settings of its plan.
    """
    return settings.get("event_type") == DATASET_EVENT_TYPE


def stage_values(counts: Mapping[Verdict, int]) -> Mapping[str, int]:
    """Return the number of accepted events by verdict, under the names of ``verify --json``."""
    return {verdict.name.lower(): counts.get(verdict, 0) for verdict, _, _ in LINES}


def stage_text(values: Mapping[str, int], *, has_status: bool) -> str:
    """Return the progress of loading in one line.

    Args:
        values: What `stage_values` returns.
        has_status: Whether the service reports a load status for these events.
    """
    if values["undecided"] == sum(values.values()):
        return NOT_ASKED if has_status else f"not known: {NO_LOAD_STATUS}"
    numbers = [(values[verdict.name.lower()], word) for verdict, word, _ in LINES]
    text = ", ".join(f"{figures.count(number)} {word}" for number, word in numbers if number)
    return text if has_status else f"{text} ({NO_LOAD_STATUS})"
