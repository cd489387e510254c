"""The third stage of a load in words: whether the events that the service accepted are loaded (pure).

Summary, ``status``, page and ``verify`` use the same words. Only events of type ``scn.data.dataset`` have a
load status (docs/service.md 3.4): of typed events nothing more than "known" can be said.
"""

from collections.abc import Mapping
from typing import Any

from loader.checkpoint.verdicts import Verdict
from loader.job import DATASET_EVENT_TYPE
from loader.report import figures

LINES = (
    (Verdict.MISSING, "missing", "accepted, and not known to the service"),
    (Verdict.FAILED, "failed", "their records are not in the data lake"),
    (Verdict.SUCCEEDED, "succeeded", "loaded into the data lake"),
    (Verdict.IN_PROGRESS, "in progress", "their load has not ended yet"),
    (
        Verdict.KNOWN,
        "known",
        "accepted and known to the service, which reports no load status for typed events",
    ),
    (Verdict.UNKNOWN, "unknown", "older than the 30 days for which the service tells of events"),
    (Verdict.UNDECIDED, "not asked", "the service was not asked about them yet, or gave no answer"),
)
"""Verdict, word and meaning. The worst comes first."""

NOT_ASKED = "the service was not asked yet; accepted is not loaded"

NOT_TOLD = "the service reports no load status for typed events"


def tells_loads(settings: Mapping[str, Any]) -> bool:
    """Return whether the service tells the load status of the events of a load.

    Args:
        settings: The settings of its plan.
    """
    return settings.get("event_type") == DATASET_EVENT_TYPE


def stage_values(counts: Mapping[Verdict, int]) -> Mapping[str, int]:
    """Return the number of accepted events by verdict, under the names of ``verify --json``."""
    return {verdict.name.lower(): counts.get(verdict, 0) for verdict, _, _ in LINES}


def stage_text(values: Mapping[str, int], *, has_status: bool) -> str:
    """Return how far a load is loaded, in one line.

    Args:
        values: What `stage_values` returns.
        has_status: Whether the service tells the load status of these events.
    """
    if values["undecided"] == sum(values.values()):
        return NOT_ASKED if has_status else f"not known: {NOT_TOLD}"
    numbers = [(values[verdict.name.lower()], word) for verdict, word, _ in LINES]
    text = ", ".join(f"{figures.count(number)} {word}" for number, word in numbers if number)
    return text if has_status else f"{text} ({NOT_TOLD})"
