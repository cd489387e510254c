"""The stages of a load on the page: rows read, events accepted, events loaded."""

from collections.abc import Iterator

from loader.page.model import Stage
from loader.status.loaded_stage import LINES, NO_LOAD_STATUS
from loader.status.overview import Overview

_CLASSES = {
    "missing": "failed",
    "failed": "failed",
    "succeeded": "accepted",
    "in_progress": "busy",
    "known": "filtered",
    "unknown": "doubt",
    "undecided": "left",
}
"""Colours of verdicts on accepted events."""


def stages_of(overview: Overview) -> Iterator[Stage]:
    """Yield the stages of a load; the third stage only if the service reported something."""
    totals = overview.totals
    assert totals is not None
    left = overview.rows_left or 0
    yield Stage(
        "Rows",
        [
            ("accepted", "records", totals.records),
            ("failed", "rejected", totals.rows_rejected),
            ("filtered", "filtered", totals.rows_filtered),
            ("left", "not read yet", left),
        ],
    )
    yield Stage(
        "Events",
        [
            ("accepted", "accepted", totals.events_accepted),
            ("failed", "failed", totals.events_failed),
            ("doubt", "in doubt", totals.events_in_doubt),
            ("left", "not sent yet", totals.events_unprocessed),
        ],
    )
    if overview.has_load_status or any(overview.loaded.get(name) for name in ("known", "missing", "unknown")):
        words = {"known": f"known: {NO_LOAD_STATUS}"}
        yield Stage(
            "Loaded",
            [
                (_CLASSES[verdict.name.lower()], words.get(word, word), overview.loaded[verdict.name.lower()])
                for verdict, word, _ in LINES
                if verdict.name.lower() in overview.loaded
            ],
        )
