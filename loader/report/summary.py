"""The result of a load: its counts, the equations that they must satisfy, and the exit code.

Rules kept here:

1. A row ends as filtered, rejected or a record. An event ends as accepted, failed, in doubt or unprocessed. A
   load that nothing stopped has read every file to its end. If one of these three equations does not hold,
   the load fails.
2. One pure function computes the exit code from the summary; no other code sets it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from loader.errors import ExitCode
from loader.job import DATASET_EVENT_TYPE
from loader.latency import NO_LATENCIES, Percentiles
from loader.report.identity import UNKNOWN_LOAD, LoadIdentity
from loader.report.json_text import json_text
from loader.report.trouble import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """The result of a load.

    The counts of rows, records, windows and events are for the whole load over all its runs. Attempts, times
    and speeds are for this run.

    Attributes:
        run_dir: Folder of the checkpoint and the log.
        files_total: Files of the extract.
        files_read_whole: Files read to a confirmed end, with every row counted: the end is confirmed by the
            row count of a Parquet footer or the end of a text. The third equation compares this with
            `files_total`.
        rows_expected: Rows of the whole extract by those ends, or None while the end of a file is unknown.
        rows_read: Rows of the windows that were read.
        rows_filtered: Rows that the job left out.
        rows_filtered_unknown: Number of them for which the filter had no result, because a value is missing.
        rows_rejected: Rows that could not become records.
        records: Rows that became records.
        records_failed: Records that the service refused, or whose event failed as a whole.
        windows: Windows that were read.
        events_total: Events that were planned.
        events_accepted: Events with a receipt.
        events_failed: Events that were refused or expired, completely or for some of their records.
        events_in_doubt: Events that may have been accepted, without a receipt.
        events_unprocessed: Events that were not sent, or whose sending did not end.
        rows_elsewhere: Rows that other shards deliver.
        attempts: HTTP requests.
        throttled: Attempts that were throttled.
        retried: Attempts that were not the first of their event.
        seconds: Duration of this run.
        rows_in_run: Rows that this run settled.
        events_accepted_in_run: Events accepted by this run.
        resumed: Whether this run resumed an earlier one.
        dry_run: Whether the load did everything except sending.
        limited_by: Share of the time, 0..1, by limiting factor (keys of ``limiting_factor.WORDS``).
        latency: Round trips of this run's attempts; ``latency_ms`` in the JSON.
        delivery_latency: Time from handing over an event to its acceptance, including waits and retries;
            ``delivery_latency_ms`` in the JSON.
        learned_rate: Events per second that the service allowed, or None.
        last_trouble: The last cause of failed attempts in this run, or None.
        stopped_by: What ended the load early, as an exit code; None if it ran to its end.
        stopped_because: The same in words, without row data.
        refused_as: The value of ``end`` for a refused load, if its error has one.
        nothing_new: Whether every file had been delivered before, so that nothing was read or sent.
        shard: Which part of the load this is, such as ``2/4``; empty for the whole.
        loaded: Accepted events by their last verdict, under the names of ``verify --json``; None if the load
            did not verify them (``--verify``).
        rejected_because: Column and reason, if this run rejected all its rows for the same reason.
        before: The unfinished load that this command finished first (``--unfinished resume``), or None.
        identity: What distinguishes the load from others; the JSON has its values at the top level.
    """

    run_dir: str
    files_total: int = 0
    files_read_whole: int = 0
    rows_expected: int | None = None
    rows_read: int = 0
    rows_filtered: int = 0
    rows_filtered_unknown: int = 0
    rows_rejected: int = 0
    records: int = 0
    records_failed: int = 0
    windows: int = 0
    events_total: int = 0
    events_accepted: int = 0
    events_failed: int = 0
    events_in_doubt: int = 0
    events_unprocessed: int = 0
    rows_elsewhere: int = 0
    attempts: int = 0
    throttled: int = 0
    retried: int = 0
    seconds: float = 0.0
    rows_in_run: int = 0
    events_accepted_in_run: int = 0
    resumed: bool = False
    dry_run: bool = False
    limited_by: Mapping[str, float] = field(default_factory=dict)
    latency: Percentiles = NO_LATENCIES
    delivery_latency: Percentiles = NO_LATENCIES
    learned_rate: float | None = None
    last_trouble: Trouble | None = None
    stopped_by: ExitCode | None = None
    stopped_because: str = ""
    nothing_new: bool = False
    refused_as: str = ""
    rejected_because: str = ""
    shard: str = ""
    loaded: Mapping[str, int] | None = None
    before: "LoadSummary | None" = None
    identity: LoadIdentity = UNKNOWN_LOAD

    @property
    def events_per_second(self) -> float:
        """Events accepted per second of this run."""
        return self.events_accepted_in_run / self.seconds if self.seconds > 0 else 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows settled per second of this run."""
        return self.rows_in_run / self.seconds if self.seconds > 0 else 0.0

    @property
    def has_read_all(self) -> bool:
        """Whether every file was read to its end."""
        return not any(self._unread())

    @property
    def has_load_status(self) -> bool:
        """Whether the service reports a load status for its events."""
        return self.identity.event_type == DATASET_EVENT_TYPE

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return exit_code_for(self)

    @property
    def end(self) -> str:
        """How the command ended, as a word of the README's table; it is more specific than the exit code."""
        if self.refused_as:
            return self.refused_as
        code = self.exit_code
        if code is ExitCode.DELIVERED and (self.nothing_new or (self.resumed and not self.rows_in_run)):
            return "nothing_new" if not self.attempts else "delivered"
        if code is ExitCode.DELIVERED_WITH_FAILURES and not self.events_accepted and not self.dry_run:
            return "none_delivered"
        return _ENDS[code]

    def violations(self) -> list[str]:
        """Return each equation that does not hold, as a sentence."""
        counts = {each.name: getattr(self, each.name) for each in fields(self) if each.type is int}
        found = [f"{name} is {number}" for name, number in counts.items() if number < 0]
        for whole, parts in _EQUATIONS.items():
            total = sum(counts[part] for part in parts)
            if counts[whole] != total:
                terms = " + ".join(f"{part} {counts[part]}" for part in parts)
                found.append(f"{whole} {counts[whole]} is not {terms}, which is {total}")
        if self.stopped_by is None:
            found += self._unread()
        return found

    def _unread(self) -> Iterator[str]:
        """Yield the signs that the extract was not read to its end."""
        if self.files_read_whole != self.files_total:
            yield f"files_total {self.files_total} is not files_read_whole {self.files_read_whole}"
        rows = self.rows_read + self.rows_elsewhere
        if self.rows_expected is not None and rows != self.rows_expected:
            yield f"rows_read {rows} is not rows_expected {self.rows_expected}"


_ENDS = {
    ExitCode.DELIVERED: "delivered",
    ExitCode.DELIVERED_WITH_FAILURES: "delivered_with_failures",
    ExitCode.REFUSED: "refused",
    ExitCode.TOO_MANY_ERRORS: "too_many_errors",
    ExitCode.STOPPED_BY_SERVICE: "stopped_by_service",
    ExitCode.STOPPED_RESUMABLE: "stopped",
    ExitCode.DECISION_NEEDED: "decision_needed",
    ExitCode.UNDECIDED: "undecided",
    ExitCode.PLAN_DOES_NOT_FIT: "plan_does_not_fit",
    ExitCode.NOTHING_TO_LOAD: "all_filtered",
    ExitCode.BUG: "bug",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}

_EQUATIONS = {
    "rows_read": ("rows_filtered", "rows_rejected", "records"),
    "events_total": ("events_accepted", "events_failed", "events_in_doubt", "events_unprocessed"),
}


_LOST, _NOT_DECIDED = ("failed", "missing"), ("undecided", "in_progress", "unknown")


def code_of_loading(loaded: Mapping[str, int]) -> ExitCode:
    """Return the exit code for the verdicts on the accepted events.

    Args:
        loaded: Accepted events by verdict, as in `LoadSummary`.
    """
    if any(loaded[name] for name in _LOST):
        return ExitCode.DELIVERED_WITH_FAILURES
    return ExitCode.UNDECIDED if any(loaded[name] for name in _NOT_DECIDED) else ExitCode.DELIVERED


def exit_code_for(summary: LoadSummary) -> ExitCode:  # noqa: PLR0911 - one line per way to end
    """Return the most severe exit code that applies to a load."""
    if summary.violations():
        return ExitCode.BUG
    if summary.stopped_by is not None:
        return summary.stopped_by
    if summary.events_in_doubt:
        return ExitCode.DECISION_NEEDED
    if summary.events_unprocessed and not summary.dry_run:
        return ExitCode.STOPPED_RESUMABLE
    if summary.rows_rejected or summary.events_failed:
        return ExitCode.DELIVERED_WITH_FAILURES
    if summary.loaded is not None and code_of_loading(summary.loaded):
        return code_of_loading(summary.loaded)
    if summary.before is not None and summary.before.exit_code is not ExitCode.DELIVERED:
        return summary.before.exit_code
    if not summary.records and not summary.nothing_new and not summary.rows_elsewhere:
        return ExitCode.NOTHING_TO_LOAD
    return ExitCode.DELIVERED


def to_json(summary: LoadSummary) -> bytes:
    """Return the summary as indented JSON: every attribute, the speeds, the exit code, the violations."""
    values: dict[str, Any] = {each.name: getattr(summary, each.name) for each in fields(summary)}
    del values["latency"], values["delivery_latency"], values["identity"]
    values["before"] = orjson.Fragment(to_json(summary.before)) if summary.before is not None else None
    values |= {
        "latency_ms": summary.latency.as_json(),
        "delivery_latency_ms": summary.delivery_latency.as_json(),
        "limited_by": dict(summary.limited_by),
        "loaded": None if summary.loaded is None else dict(summary.loaded),
        "events_per_second": round(summary.events_per_second, 3),
        "rows_per_second": round(summary.rows_per_second, 3),
        "exit_code": summary.exit_code,
        "end": summary.end,
        "violations": summary.violations(),
        **summary.identity.as_json(),
    }
    return json_text(values, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
