"""The result of ``verify`` as text and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.checkpoint.verdicts import Verdict
from loader.report.figures import counted, printable
from loader.status.loaded_stage import LINES, stage_values
from loader.status.next_steps import Step
from loader.verify.api import NotLoaded, Verification


def to_json(found: Verification) -> dict[str, Any]:
    """Return the result as JSON values."""
    totals, not_loaded = found.totals, found.not_loaded
    if not_loaded is not None and not_loaded.problem is not None:
        not_loaded = None  # the rows were not counted
    return {
        "run_dir": str(found.run_dir),
        "receipts": found.receipts,
        **stage_values(found.counts),
        "rows_not_loaded": not_loaded.rows if not_loaded is not None else None,
        "rows_left_out": not_loaded.left_out if not_loaded is not None else None,
        "calls": found.calls,
        "events_not_accepted": totals.events_total - totals.events_accepted,
        "exit_code": int(found.exit_code),
    }


def to_text(found: Verification, steps: Sequence[Step] = ()) -> str:
    """Return the result as a few lines of text.

    Args:
        found: The result.
        steps: What to do next.
    """
    lines = [f"{counted(found.receipts, 'accepted event')} in {found.run_dir}"]
    for verdict, word, meaning in LINES:
        if number := found.counts[verdict]:
            lines.append(f"  {number:>12,} {word:<12} {meaning}")
    left = found.totals.events_total - found.totals.events_accepted
    if left:
        lines.append(f"  {left:>12,} {'not accepted':<12} failed, in doubt or not sent")
    if found.not_loaded is not None:
        lines += _not_loaded(found.not_loaded, found.run_dir)
    lines.append(_verdict(found, left))
    for position, step in enumerate(steps):
        lines.append(f"{'' if position else 'next':<6}{printable(step.why)}{':' if step.command else ''}")
        if step.command:
            lines.append(f"  {printable(step.command)}")
    return "\n".join(lines)


def _verdict(found: Verification, left: int) -> str:
    counts = found.counts
    judgements = (
        (not found.receipts, "Nothing was accepted."),
        (counts[Verdict.FAILED] or counts[Verdict.MISSING], "Some accepted events are not loaded."),
        (left, "Some events were not accepted."),
        (
            counts[Verdict.IN_PROGRESS] or counts[Verdict.UNDECIDED],
            "Some events are not decided yet.",
        ),
        (counts[Verdict.UNKNOWN], "The service no longer reports whether all events are loaded."),
        (
            counts[Verdict.KNOWN],
            "The service knows all accepted events. It reports no load status for typed events.",
        ),
    )
    return next((words for holds, words in judgements if holds), "All accepted events are loaded.")


def _not_loaded(rows: NotLoaded, run_dir: Path) -> list[str]:
    if rows.problem is not None:
        return [f"The rows that are not loaded could not be written for correction: {rows.problem.what}"]
    lines = [
        f"  {counted(each.rows, 'row')}: {each.code}: {printable(each.message)};"
        f" first: row {each.row:,} of {each.file}, group {printable(each.group)}"
        for each in rows.causes
    ]
    if rows.left_out:
        lines.append(
            f"  {counted(rows.left_out, 'row')} of them left out: a later row of the same key is loaded"
        )
    folders = not_loaded_folders(run_dir)  # each shard has its own
    if rows.rows > rows.left_out and folders:
        lines.append(f"rows for correction: {folders[-1]}")
    return lines
