"""The overview of a run directory as values for ``status --json``. It contains no row data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from loader.report.log_lines import iso
from loader.status.failure_groups import FailureGroup
from loader.status.next_steps import Step
from loader.status.overview import Overview
from loader.status.overview_text import is_rehearsal


def overview_values(
    overview: Overview, steps: Sequence[Step], earlier: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return the values. Times are ISO 8601 in UTC; rows count from 1.

    Args:
        overview: The load.
        steps: What to do next.
        earlier: Values about earlier loads of the run directory.
    """
    end = overview.last_run
    values: dict[str, Any] = {
        "run_dir": str(overview.run_dir),
        "checkpoint": str(overview.checkpoint),
        "state": overview.state.value,
        "exit_code": None if end is None else int(end.exit_code),
        "cause": None if end is None else end.cause,
        "pid": overview.pid,
        "shards": overview.shards,
        "next": [{"why": step.why, "command": step.command} for step in steps],
        "parent": None if overview.parent is None else str(overview.parent),
        "child": None if overview.child is None else str(overview.child),
        "child_not_loaded": None if overview.child_not_loaded is None else str(overview.child_not_loaded),
        "problem": None if overview.problem is None else overview.problem.what,
        **(earlier or {"earlier": [str(path) for path in overview.kept]}),
    }
    plan, totals = overview.plan, overview.totals
    if plan is None or totals is None:
        return values
    return values | {
        "load_id": overview.load_id,
        "rehearsal": is_rehearsal(overview),
        "instance_id": plan.settings.get("instance_id"),
        "event_type": plan.settings.get("event_type"),
        "files": [file.path for file in plan.files],
        "command": overview.command,
        "began_at": _iso(overview.created_at),
        "last_run_began_at": _iso(overview.started_at),
        "ended_at": _iso(overview.ended_at),
        "rows_left": overview.rows_left,
        **asdict(totals),
        "loaded": dict(overview.loaded),
        "has_load_status": overview.has_load_status,
        "doubt_expired": overview.doubt.expired,
        "safe_until": _iso(overview.doubt.safe_until),
        "failed": [_group(group) for group in overview.failed],
        "rejected": [_group(group) for group in overview.rejected],
    }


def _group(group: FailureGroup) -> Mapping[str, Any]:
    first = [{"file": path, "row": row + 1} for path, row in group.first]
    return {"kind": group.kind, "reason": group.reason, "count": group.count, "first": first}


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)
