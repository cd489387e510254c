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


def stages_of(overview: Overview, *, has_read_all: bool) -> Iterator[Stage]:
    """Yield the stages of a load; the third stage only if the service reported something.

    Args:
        overview: The load.
        has_read_all: Whether every file is read to its end. If not, a full bar must not look complete.
    """
    totals = overview.totals
    assert totals is not None
    left = overview.rows_left or 0
    yield Stage(
        "Rows" if has_read_all or left else "Rows read so far",
        [
            ("accepted", "records", totals.records),
            ("failed", "rejected", totals.rows_rejected),
            ("filtered", "filtered", totals.rows_filtered),
            ("left", "not read yet", left),
        ],
    )
    yield Stage(
        "Events" if has_read_all else "Events planned so far",
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
