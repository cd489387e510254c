"""The state of a load at one moment, its speed, and the time left.

Rules kept here:

1. Pure: the only clock is ``Snapshot.seconds``.
2. The time left is a range, from the recent and the overall speed, and is never negative. If it cannot be
   estimated (no total, paused, standing still), it is omitted and a word gives the reason.
3. A load that ends shows what it waits for instead of a time: when every row is done, and when it drains
   after a stop, because it leaves the other rows to a resume.
"""

import math
from dataclasses import dataclass

from loader.latency import NO_LATENCIES, Percentiles
from loader.report import figures
from loader.report.figures import duration
from loader.report.trouble import Trouble

RECENT_SECONDS = 5.0
"""Time constant of the displayed speeds: long enough to look steady, short enough to show changes."""

ETA_SECONDS = 60.0
"""Time constant of the speed behind the time left: one burst of throttling must not make it jump."""

WARM_UP_SECONDS = 3.0
"""No time left is shown earlier: the first connections and windows do not predict the rest."""

STILL_SECONDS = 10.0
"""A load without progress for this long is shown as standing still (a slow call ends sooner)."""

DRAINING = "draining"
"""The phase of a load that waits for the answers in flight, and then ends."""

MOSTLY_THROTTLED = 0.5
"""If a larger share of attempts is throttled, throttling is named as the reason for standing still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters and gauges of a running load.

    Attributes:
        rows_total: Rows of the whole extract, or None if the format does not state it.
        rows_done: Rows that need no more work, over all runs: filtered, rejected, or in settled events.
        rows_rejected: Rows that could not become records, over all runs.
        events_planned: Events planned so far, over all runs.
        events_accepted: Events with a receipt, over all runs.
        events_failed: Events recorded as failed, over all runs.
        events_in_doubt: Events that may have been accepted, over all runs.
        attempts: HTTP requests of this run.
        throttled: Number of them that were throttled.
        retried: Number of them that were not the first of their event.
        in_flight: Attempts in flight.
        in_flight_cap: Maximum number of attempts in flight.
        rate_limit: Attempts per second that the governor allows now, or None if it sets no limit.
        held_bytes: Payload bytes held in memory.
        limiting: What limits the load now: a key of ``limiting_factor.WORDS``, or empty.
        latency: Round trips of this run's attempts.
        delivery_latency: Time from handing over an event to its acceptance, including waits and retries.
        seconds: Seconds since this run began, monotonic.
        trouble: The last cause of failed attempts, if it persists: see `Trouble`.
        phase: ``reading``, ``delivering``, ``draining``, or ``paused: CAUSE``.
    """

    rows_total: int | None = None
    rows_done: int = 0
    rows_rejected: int = 0
    events_planned: int = 0
    events_accepted: int = 0
    events_failed: int = 0
    events_in_doubt: int = 0
    attempts: int = 0
    throttled: int = 0
    retried: int = 0
    in_flight: int = 0
    in_flight_cap: int = 0
    rate_limit: float | None = None
    held_bytes: int = 0
    limiting: str = ""
    latency: Percentiles = NO_LATENCIES
    delivery_latency: Percentiles = NO_LATENCIES
    seconds: float = 0.0
    trouble: Trouble | None = None
    phase: str = "reading"

    @property
    def paused(self) -> bool:
        """Whether the load is paused."""
        return self.phase.startswith("paused")

    @property
    def is_ending(self) -> bool:
        """Whether the load sends nothing more: every row is done, or it only waits for answers."""
        return self.phase == DRAINING or (self.rows_total is not None and self.rows_done >= self.rows_total)

    @property
    def _progress(self) -> tuple[int, int, int]:
        """Values of which one must change when the load makes progress."""
        return self.rows_done, self.events_accepted, self.events_failed + self.events_in_doubt


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of a load.

    Attributes:
        events_per_second: Events accepted per second, recently.
        rows_per_second: Rows done per second, recently.
        throttled_share: Share of the recent attempts that were throttled, 0..1.
        seconds_left: Range of the time left, low and high, or None if it cannot be estimated or the load
            ends.
        standing: Why the load makes no progress ("paused: quota", "throttled, no progress for 2 min");
            empty if it makes progress.
    """

    events_per_second: float = 0.0
    rows_per_second: float = 0.0
    throttled_share: float = 0.0
    seconds_left: tuple[float, float] | None = None
    standing: str = ""


class RateMeter:
    """Turns snapshots, in the order of their time, into a pace."""

    def __init__(self) -> None:
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None
        self._moved_at = 0.0
        self._pace = Pace()
        self._events = _Average(RECENT_SECONDS)
        self._rows = _Average(RECENT_SECONDS)
        self._attempts = _Average(RECENT_SECONDS)
        self._throttled = _Average(RECENT_SECONDS)
        self._rows_for_eta = _Average(ETA_SECONDS)

    def observe(self, snapshot: Snapshot) -> Pace:
        """Add a snapshot and return the pace at it; a snapshot that is not newer changes nothing."""
        if self._first is None or self._last is None:
            self._first = self._last = snapshot
            self._moved_at = snapshot.seconds
            return self._pace
        seconds = snapshot.seconds - self._last.seconds
        if seconds <= 0:
            return self._pace
        self._add(self._last, snapshot, seconds)
        if snapshot.paused or snapshot._progress != self._last._progress:  # noqa: SLF001 - own module
            self._moved_at = snapshot.seconds
        self._last = snapshot
        self._pace = self._pace_at(self._first, snapshot)
        return self._pace

    def _add(self, last: Snapshot, now: Snapshot, seconds: float) -> None:
        rows = now.rows_done - last.rows_done
        self._events.add(now.events_accepted - last.events_accepted, seconds)
        self._rows.add(rows, seconds)
        self._attempts.add(now.attempts - last.attempts, seconds)
        self._throttled.add(now.throttled - last.throttled, seconds)
        if not (now.paused or last.paused):  # a pause does not predict the speed after it
            self._rows_for_eta.add(rows, seconds)

    def _pace_at(self, first: Snapshot, now: Snapshot) -> Pace:
        attempts = self._attempts.per_second
        share = min(self._throttled.per_second / attempts, 1.0) if attempts > 0 else 0.0
        standing = self._standing(now, share)
        return Pace(
            self._events.per_second,
            self._rows.per_second,
            share,
            None if standing else self._seconds_left(first, now),
            standing,
        )

    def _standing(self, now: Snapshot, throttled_share: float) -> str:
        if now.paused:
            return now.phase
        still_seconds = now.seconds - self._moved_at
        if still_seconds < STILL_SECONDS:
            return ""
        if throttled_share > MOSTLY_THROTTLED:
            cause = "throttled"
        else:
            cause = "waiting for answers" if now.in_flight else "standing still"
        return f"{cause}, no progress for {duration(still_seconds)}"

    def _seconds_left(self, first: Snapshot, now: Snapshot) -> tuple[float, float] | None:
        if now.rows_total is None:
            return None
        remaining = max(now.rows_total - now.rows_done, 0)
        if remaining == 0:
            return 0.0, 0.0
        if now.is_ending:
            return None
        elapsed = now.seconds - first.seconds
        overall = (now.rows_done - first.rows_done) / elapsed
        recent = self._rows_for_eta.per_second
        if elapsed < WARM_UP_SECONDS or min(overall, recent) <= 0:
            return None
        low, high = remaining / max(overall, recent), remaining / min(overall, recent)
        return (low, high) if math.isfinite(high) else None


class _Average:
    """An exponentially weighted mean speed, unbiased from its first sample on."""

    def __init__(self, time_constant_seconds: float) -> None:
        self._time_constant_seconds = time_constant_seconds
        self._weighted = 0.0
        self._weight = 0.0

    def add(self, amount: int, seconds: float) -> None:
        keep = math.exp(-seconds / self._time_constant_seconds)
        self._weighted = self._weighted * keep + max(amount, 0) * ((1 - keep) / seconds)
        self._weight = self._weight * keep + (1 - keep)

    @property
    def per_second(self) -> float:
        # Dividing by the weight so far avoids too low values in the first seconds.
        return self._weighted / self._weight if self._weight > 0 else 0.0


def percent_done(now: Snapshot) -> str:
    """Return the share of rows that are done; empty if their total is unknown."""
    return "" if now.rows_total is None else figures.percent(now.rows_done, now.rows_total)


def time_left(now: Snapshot, pace: Pace) -> str:
    """Return the time left, or why it is unknown; for a load that ends, what it waits for."""
    if now.is_ending and not pace.standing:
        return f"{figures.counted(now.in_flight, 'call')} in flight" if now.in_flight else "finishing"
    if pace.standing or pace.seconds_left is None:
        return pace.standing
    return figures.time_left(*pace.seconds_left)


def usual_latency(now: Snapshot) -> str:
    """Return the median and the 99th percentile of round trips; empty before the first."""
    p50, p99 = now.latency.p50, now.latency.p99
    return "" if p50 is None or p99 is None else f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms"
