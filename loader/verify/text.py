"""What ``verify`` says at its end, for people and for machines."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loader.checkpoint.schema import NOT_LOADED_NAME
from loader.checkpoint.verdicts import Verdict
from loader.report.figures import printable
from loader.verify.api import NotLoaded, Verification

LINES = (
    (Verdict.MISSING, "missing", "accepted, and not known to the service"),
    (Verdict.FAILED, "failed", "their records are not in the data lake"),
    (Verdict.SUCCEEDED, "succeeded", "loaded into the data lake"),
    (Verdict.IN_PROGRESS, "in progress", "their load has not ended yet"),
    (Verdict.KNOWN, "known", "accepted and known to the service, which tells no load status of typed events"),
    (Verdict.UNKNOWN, "unknown", "older than the 30 days for which the service tells of events"),
    (Verdict.UNDECIDED, "not asked", "the service was not asked about them yet, or gave no answer"),
)
"""The worst comes first."""


def to_json(found: Verification) -> dict[str, Any]:
    """Return what was found as JSON values."""
    counts = found.counts
    totals = found.totals
    return {
        "run_dir": str(found.run_dir),
        "receipts": found.receipts,
        "missing": counts[Verdict.MISSING],
        "failed": counts[Verdict.FAILED],
        "succeeded": counts[Verdict.SUCCEEDED],
        "in_progress": counts[Verdict.IN_PROGRESS],
        "known": counts[Verdict.KNOWN],
        "unknown": counts[Verdict.UNKNOWN],
        "undecided": counts[Verdict.UNDECIDED],
        "rows_not_loaded": found.not_loaded.rows if found.not_loaded is not None else None,
        "rows_left_out": found.not_loaded.left_out if found.not_loaded is not None else None,
        "calls": found.calls,
        "events_not_accepted": totals.events_total - totals.events_accepted,
        "exit_code": int(found.exit_code),
    }


def to_text(found: Verification, correcting: str = "") -> str:
    """Return what was found as a few lines.

    Args:
        found: What was found.
        correcting: The command that loads the corrected rows; empty if there are none.
    """
    lines = [f"{_receipts(found.receipts)} in {found.run_dir}"]
    for verdict, word, meaning in LINES:
        if number := found.counts[verdict]:
            lines.append(f"  {number:>12,} {word:<12} {meaning}")
    left = found.totals.events_total - found.totals.events_accepted
    if left:
        lines.append(f"  {left:>12,} {'not accepted':<12} 'scn-loader status' says more")
    if found.not_loaded is not None:
        lines += _not_loaded(found.not_loaded, found.run_dir)
    lines.append(_verdict(found, left))
    if correcting:
        lines += ["Correct the rows, then load them:", f"  {correcting}"]
    return "\n".join(lines)


def _verdict(found: Verification, left: int) -> str:
    counts = found.counts
    judgements = (
        (not found.receipts, "Nothing was accepted."),
        (counts[Verdict.FAILED] or counts[Verdict.MISSING], "Not everything that was accepted is loaded."),
        (left, "Not everything was accepted."),
        (
            counts[Verdict.IN_PROGRESS] or counts[Verdict.UNDECIDED],
            "Not all is decided yet: run the same command again, with --wait 10m to wait for it.",
        ),
        (counts[Verdict.UNKNOWN], "It can no longer be known whether all of it is loaded."),
        (
            counts[Verdict.KNOWN],
            "All of it is known to the service. Whether it is loaded cannot be asked for typed events.",
        ),
    )
    return next((words for holds, words in judgements if holds), "All of it is loaded.")


def _not_loaded(rows: NotLoaded, run_dir: Path) -> list[str]:
    if rows.problem is not None:
        return [f"The rows that are not loaded could not be written for correction: {rows.problem.what}"]
    lines = [
        f"  {_rows(each.rows)}: {each.code}: {printable(each.message)};"
        f" first: row {each.row + 1:,} of {each.file}, group {printable(each.group)}"
        for each in rows.causes
    ]
    if rows.left_out:
        lines.append(f"  {_rows(rows.left_out)} of them left out: a later row of the same key is loaded")
    if rows.rows > rows.left_out:
        lines.append(f"rows for correction: {run_dir / NOT_LOADED_NAME}")
    return lines


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def stage_line(counts: Mapping[Verdict, int], run_dir: Path) -> str:
    """Return how far a load is loaded, in one line."""
    parts = [f"{counts[verdict]:,} {word}" for verdict, word, _ in LINES if counts[verdict]]
    if counts[Verdict.UNDECIDED] == sum(counts.values()):
        return f"loaded: not asked yet; ask the service:\n  scn-loader verify {shlex.quote(str(run_dir))}"
    return f"loaded: {', '.join(parts)}"


def _receipts(number: int) -> str:
    return "1 accepted event" if number == 1 else f"{number:,} accepted events"
