"""Make samples of a running load over time from its snapshots, for the report. Pure.

The only clock is ``Snapshot.seconds``.
"""

from collections.abc import Sequence
from dataclasses import replace

from loader.checkpoint.samples import (
    FIRST_PERIOD_SECONDS,
    MOST_SAMPLES,
    SAMPLE_WRITE_SECONDS,
    StoredSample,
    halved,
    merged,
)
from loader.latency import Latencies
from loader.report import Snapshot


class Sampler:
    """Converts snapshots into samples, which continue those of earlier runs.

    Args:
        before: The counts of earlier runs of the load.
        earlier: Their samples, in chronological order.
    """

    def __init__(self, before: Snapshot, earlier: Sequence[StoredSample] = ()) -> None:
        self._samples = list(earlier)
        self._period_seconds = max([FIRST_PERIOD_SECONDS, *(sample.seconds for sample in earlier)])
        self._last = before
        self._round_trips = Latencies()
        self._running: StoredSample | None = None
        self._changed_from = len(self._samples)
        self._rewrite = False
        self._written_at = 0.0

    @property
    def _end_seconds(self) -> float:
        return self._samples[-1].start_seconds + self._samples[-1].seconds if self._samples else 0.0

    def observe(self, now: Snapshot, round_trips: Latencies) -> None:
        """Add the time since the last snapshot to the current period.

        Args:
            now: The state of the load.
            round_trips: The round-trip times of this run so far.
        """
        seconds = now.seconds - self._last.seconds
        if seconds > 0:
            self._add(self._difference(now, round_trips, seconds))
            self._last, self._round_trips = now, round_trips.copy()

    def unwritten(self, *, at_end: bool = False) -> tuple[list[StoredSample], bool] | None:
        """Return the samples to write now and whether they replace all others, or None if nothing is due."""
        due = at_end or self._last.seconds - self._written_at >= SAMPLE_WRITE_SECONDS
        if not due or not (self._rewrite or self._changed_from < len(self._samples)):
            return None
        samples = self._samples if self._rewrite else self._samples[self._changed_from :]
        changed = (list(samples), self._rewrite)
        self._written_at, self._rewrite = self._last.seconds, False
        # The last sample may still grow.
        self._changed_from = len(self._samples) - 1
        return changed

    def _difference(self, now: Snapshot, round_trips: Latencies, seconds: float) -> StoredSample:
        last = self._last
        recent = round_trips.since(self._round_trips)
        return StoredSample(
            number=len(self._samples),
            start_seconds=self._end_seconds,
            seconds=seconds,
            attempted=now.attempts - last.attempts,
            accepted=now.events_accepted - last.events_accepted,
            throttled=now.throttled - last.throttled,
            retried=now.retried - last.retried,
            failed=now.events_failed - last.events_failed,
            rejected_rows=now.rows_rejected - last.rows_rejected,
            rate_allowed=now.rate_limit,
            in_flight=now.in_flight,
            held_bytes=now.held_bytes,
            limits={now.limiting: seconds} if now.limiting else {},
            round_trips=recent.as_json(),
            longest_round_trip_seconds=recent.max_seconds,
        )

    def _add(self, sample: StoredSample) -> None:
        # The last period of this run is still open if it is shorter than the earlier ones.
        if self._running is not None and self._running.seconds < self._period_seconds * 0.999:
            self._running = self._samples[-1] = merged(self._samples[-1], sample)
            self._changed_from = min(self._changed_from, len(self._samples) - 1)
            return
        if len(self._samples) >= MOST_SAMPLES:
            self._samples, self._rewrite = halved(self._samples), True
            self._period_seconds = max(sample.seconds for sample in self._samples)
            sample = replace(sample, number=len(self._samples))
        self._samples.append(sample)
        self._running = sample
        self._changed_from = min(self._changed_from, len(self._samples) - 1)
