"""The counts of a run, for its progress and its summary."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from loader.checkpoint import FileTotals, Totals
from loader.delivery.limits.limiting_factor import limiting_name
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError
from loader.extract import Extract, FileEnds
from loader.loading.error_limits import ErrorCounts
from loader.model import Event, EventResult, EventState, PartResult, PartState, SlicePlan
from loader.report import LoadSummary, Snapshot
from loader.report.trouble import Trouble
from loader.service.path_errors import means_of

CPU_BOUND_SHARE = 0.9
"""Share of one core above which the processor limits a run. The event loop is one thread, and if it is busy,
answers appear slow."""


class LoadCounters:
    """The counts of one run, added to those of earlier runs.

    Args:
        extract: The extract.
        earlier: Counts of earlier runs.
        earlier_files: Counts of earlier runs for each file, by its number.
        settled_rows: Rows that earlier runs settled, so that this run does not read them.
        retry_failed: Whether events that failed before are sent again, and so count again.

    Attributes:
        ends: The files that were read to their end.
        cpu_share: Processor time of this process between the last two snapshots, divided by the elapsed time.
    """

    def __init__(
        self,
        extract: Extract,
        earlier: Totals,
        earlier_files: Mapping[int, FileTotals],
        settled_rows: int,
        *,
        retry_failed: bool,
    ) -> None:
        self._retry_failed = retry_failed
        self._shard = extract.shard
        self._rows_total = extract.total_rows
        self._files_total = len(extract.files)
        self.ends = FileEnds(extract.files)
        self._earlier = earlier
        self._began = time.monotonic()
        self._cpu_seen = (self._began, time.process_time())
        self.cpu_share = 0.0
        self._limits: Counter[str] = Counter()
        self._rows_read = earlier.rows_read
        self._rows_rejected = earlier.rows_rejected
        self._lines_swallowed = sum([totals.lines_swallowed for totals in earlier_files.values()])
        self._events_planned = earlier.events_total
        self._rows_done_before = settled_rows
        self._rows_done = 0
        self._rows_elsewhere = 0
        self._reject_kinds: dict[tuple[str, str], str] = {}
        self._rows_failed = 0 if retry_failed else earlier.records_failed
        self._files: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for number, totals in earlier_files.items():
            self._files[number].update(
                rows=totals.rows_read,
                elsewhere=totals.rows_elsewhere,
                rejected=totals.rows_rejected,
                swallowed=totals.lines_swallowed,
                failed=0 if retry_failed else totals.records_failed,
                settled=totals.rows_settled,
            )

    def slice(self, plan: SlicePlan, settled: Mapping[int, int], new: bool) -> None:  # noqa: FBT001 - a callback
        """Count a slice that is handed over.

        Args:
            plan: The slice.
            settled: Rows by file that need no more work.
            new: Whether no earlier run planned it.
        """
        settled_rows = sum(settled.values())
        if new:
            self._rows_read += plan.rows_read
            self._rows_rejected += len(plan.rejected)
            self._note_kinds(plan)
            self._events_planned += len(plan.events)
            self._rows_done += settled_rows
            self._rows_elsewhere += sum([file.rows_elsewhere for file in plan.files])
            # An unclosed quote makes one row of many lines. --max-errors counts each of these lines.
            swallowed = plan.lines_swallowed()
            self._lines_swallowed += swallowed.total()
            for file in plan.files:
                self._files[file.file].update(
                    rows=file.rows_read,
                    elsewhere=file.rows_elsewhere,
                    rejected=file.rows_rejected,
                    swallowed=swallowed[file.file],
                )
        else:
            self._rows_done_before += settled_rows
        for number, rows in settled.items():
            self._files[number]["settled"] += rows

    def _note_kinds(self, plan: SlicePlan) -> None:
        """Record up to two reasons of rejected rows. A single reason suggests a wrong mapping."""
        for row in plan.rejected:
            if len(self._reject_kinds) > 1:
                return
            place = f"column '{row.column}': " if row.column else ""
            self._reject_kinds.setdefault((row.column, row.code), f"{place}{row.reason}")

    def _rejected_because(self, totals: Totals) -> str:
        rejected = totals.rows_rejected - self._earlier.rows_rejected
        if totals.records or not rejected or len(self._reject_kinds) != 1:
            return ""
        return next(iter(self._reject_kinds.values()))

    def result(self, result: EventResult) -> None:
        """Count the result of an event. An event in doubt or held back still needs work.

        The rows of a divided event are counted with its parts.
        """
        state = result.state
        if not result.in_parts and (state is EventState.ACCEPTED or state is EventState.FAILED):
            for file, rows in result.event.rows_by_file():
                self._count_rows(file, rows, failed=state is not EventState.ACCEPTED)

    def taken_over(self, results: Sequence[EventResult]) -> None:
        """Count events whose results come from shards of another division of the load."""
        states = Counter(result.state for result in results)
        self._earlier = replace(
            self._earlier,
            events_accepted=self._earlier.events_accepted + states[EventState.ACCEPTED],
            events_failed=self._earlier.events_failed + states[EventState.FAILED],
        )

    def part(self, event: Event, result: PartResult) -> None:
        """Count the result of a part of an event."""
        part = result.part
        for file, rows in event.rows_by_file(part.first, part.first + part.count):
            self._count_rows(file, rows, failed=result.state is PartState.FAILED)

    def _count_rows(self, file: int, rows: int, *, failed: bool) -> None:
        self._rows_done += rows
        self._files[file]["settled"] += rows
        if failed:
            self._rows_failed += rows
            self._files[file]["failed"] += rows

    def errors(self) -> ErrorCounts:
        """Return the counts that ``--max-errors`` is compared with."""
        elsewhere = self._earlier.rows_elsewhere + self._rows_elsewhere
        return ErrorCounts(
            rejected=self._rows_rejected + self._lines_swallowed,
            rows=self._rows_read + self._lines_swallowed,
            failed=self._rows_failed,
            settled=self._rows_done_before + self._rows_done,
            rows_seen=self._rows_read + elsewhere + self._lines_swallowed,
        )

    def errors_of(self, file: int) -> ErrorCounts:
        """Return the counts of a file that ``--max-errors-per-file`` is compared with."""
        counts = self._files[file]
        return ErrorCounts(
            rejected=counts["rejected"] + counts["swallowed"],
            rows=counts["rows"] - counts["elsewhere"] + counts["swallowed"],
            failed=counts["failed"],
            settled=counts["settled"],
            rows_seen=counts["rows"] + counts["swallowed"],
        )

    def errors_by_file(self) -> dict[int, ErrorCounts]:
        """Return the counts of the files that have errors."""
        counted = {file: self.errors_of(file) for file in self._files}
        return {file: counts for file, counts in counted.items() if counts.errors}

    @property
    def before(self) -> Snapshot:
        """The counts of earlier runs, as a snapshot at the start of this run."""
        return Snapshot(
            events_accepted=self._earlier.events_accepted,
            events_failed=self._failed_before,
            rows_rejected=self._earlier.rows_rejected,
        )

    @property
    def _failed_before(self) -> int:
        return 0 if self._retry_failed else self._earlier.events_failed

    def snapshot(self, stats: DeliveryStats, *, phase: str) -> Snapshot:
        """Return the state of the load, and record the limiting factor. This must be called regularly."""
        now = time.monotonic()
        limiting = self._limiting(stats, now)
        self._limits[limiting] += 1
        return Snapshot(
            rows_total=self._rows_total,
            rows_done=self._rows_done_before + self._rows_done,
            rows_rejected=self._rows_rejected,
            events_planned=self._events_planned,
            events_accepted=self._earlier.events_accepted + stats.accepted,
            events_failed=self._failed_before + stats.failed,
            events_in_doubt=stats.in_doubt,
            attempts=stats.attempts,
            throttled=stats.throttled,
            retried=stats.retried,
            in_flight=stats.in_flight,
            in_flight_cap=stats.in_flight_cap,
            rate_limit=stats.rate,
            held_bytes=stats.held_bytes,
            limiting=limiting,
            seconds=now - self._began,
            latency=stats.round_trips.percentiles(),
            delivery_latency=stats.deliveries.percentiles(),
            trouble=None if stats.troubles.is_over else last_trouble(stats),
            phase="paused: quota" if limiting == "quota" else phase,
        )

    def _limiting(self, stats: DeliveryStats, now: float) -> str:
        (then, cpu_then), cpu_now = self._cpu_seen, time.process_time()
        self._cpu_seen = (now, cpu_now)
        self.cpu_share = (cpu_now - cpu_then) / (now - then) if now > then else 0.0
        if self.cpu_share >= CPU_BOUND_SHARE:
            return "cpu"
        return limiting_name(stats.limiting_factor(now), stats.in_flight, stats.troubles.waited_seconds)

    def summary(
        self,
        totals: Totals,
        stats: DeliveryStats,
        *,
        run_dir: Path,
        resumed: bool,
        learned_rate: float | None,
        error: LoaderError | None,
    ) -> LoadSummary:
        """Return the summary of the run.

        Args:
            totals: The sums of the load over all runs, from the checkpoint.
            stats: The counters of this run.
            run_dir: Folder of the checkpoint.
            resumed: Whether an earlier run began the load.
            learned_rate: Events per second that the service allows, or None if the limit is unknown.
            error: The error that stopped the run early, or None.
        """
        limits = {factor: looks for factor, looks in self._limits.items() if factor}
        return LoadSummary(
            run_dir=str(run_dir),
            files_total=self._files_total,
            files_read_whole=self.ends.files_read_whole(
                {file: counts["rows"] for file, counts in self._files.items()}
            ),
            rows_expected=self.ends.rows_expected,
            **asdict(totals),
            attempts=stats.attempts,
            throttled=stats.throttled,
            retried=stats.retried,
            seconds=time.monotonic() - self._began,
            rows_in_run=self._rows_done - self._rows_elsewhere,
            shard=str(self._shard or ""),
            rejected_because=self._rejected_because(totals),
            events_accepted_in_run=stats.accepted,
            resumed=resumed,
            limited_by={factor: looks / sum(limits.values()) for factor, looks in limits.items()},
            latency=stats.round_trips.percentiles(),
            delivery_latency=stats.deliveries.percentiles(),
            learned_rate=learned_rate,
            last_trouble=last_trouble(stats),
            stopped_by=error.exit_code if error is not None else None,
            stopped_because=error.what if error is not None else "",
        )


def last_trouble(stats: DeliveryStats) -> Trouble | None:
    """Return the last cause of failed attempts, or None if there was none."""
    last = stats.troubles.last
    if last is None:
        return None
    is_over = stats.troubles.is_over
    return Trouble(last.code, means_of(last.code), last.count, last.since, last.latest, is_over)
