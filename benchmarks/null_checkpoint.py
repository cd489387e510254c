"""A checkpoint that remembers nothing: what a load costs without one. For the benchmarks alone."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from loader.checkpoint import FileTotals, RunEnd, Totals, WindowProgress
from loader.model import EventResult, EventState, SlicePlan


class NullCheckpoint:
    """Takes what a `loader.checkpoint.Checkpoint` takes, counts it, and keeps it nowhere."""

    load_id = "null"
    generation = 0
    resumed = False
    gaps = ()
    permit = None

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._counts = {each.name: 0 for each in fields(Totals)}

    def settled_windows(self) -> Mapping[int, int]:
        """Return that no window was done before."""
        return {}

    @property
    def progress(self) -> "NullCheckpoint":
        """The results of earlier runs, of which there are none."""
        return self

    def of_window(self, window: int) -> WindowProgress | None:  # noqa: ARG002 - the interface
        """Return that the window was never planned."""
        return None

    def known_rows(self) -> Mapping[int, int]:
        """Return that no file was read before."""
        return {}

    def held_groups(self) -> frozenset[str]:
        """Return that no group is on hold."""
        return frozenset()

    def in_doubt_before(self, before: float) -> int:  # noqa: ARG002 - the interface
        """Return that nothing is in doubt."""
        return 0

    def totals(self) -> Totals:
        """Return the sums, as the real one has them at the end."""
        return Totals(**self._counts)

    def file_totals(self, settled: Mapping[int, int]) -> Mapping[int, FileTotals]:  # noqa: ARG002 - the interface
        """Return that nothing of any file was read before."""
        return {}

    def begin_slice(self, plan: SlicePlan) -> None:
        """Count a window."""
        self._counts["windows"] += 1
        self._counts["rows_read"] += plan.rows_read
        self._counts["rows_filtered"] += plan.rows_filtered
        self._counts["rows_rejected"] += len(plan.rejected)
        self._counts["records"] += plan.records
        self._counts["events_total"] += len(plan.events)

    async def mark_sendable(self, places: Sequence[tuple[int, int]]) -> None:
        """Let the events go at once."""

    def record(self, result: EventResult) -> None:
        """Count the outcome of an event."""
        self._counts[f"events_{EventState(result.state).value}"] += 1

    def samples(self) -> Sequence[Any]:
        """Return that no run came before."""
        return ()

    def record_samples(self, samples: Sequence[Any], *, replace_all: bool) -> None:
        """Forget samples over time."""

    async def flush(self) -> None:
        """Have nothing to write."""

    async def watch(self) -> None:
        """Wait for a disk that is never used."""
        await asyncio.Event().wait()

    def finish(self, end: RunEnd) -> None:
        """Forget everything."""
