"""The metrics: name, unit, meaning and value, by the conventions of OpenTelemetry.

Names are dotted and have no unit; units are UCUM units. Names for Prometheus and CloudWatch are derived from
them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from loader.report import Snapshot


class Kind(StrEnum):
    """The kind of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric.

    Attributes:
        name: Dotted name.
        unit: UCUM unit: ``{event}`` counts events, ``By`` is bytes, ``s`` is seconds, ``1`` is a plain
            number.
        kind: Counter (only grows during a run) or gauge.
        meaning: What it counts, as a sentence.
        value: Returns its value; None without a value.
    """

    name: str
    unit: str
    kind: Kind
    meaning: str
    value: Callable[[Snapshot], float | None]


def _latency_seconds(name: str, now: Snapshot) -> float | None:
    milliseconds: float | None = getattr(now.latency, name)
    return None if milliseconds is None else milliseconds / 1e3


INSTRUMENTS = (
    Instrument(
        "scn_loader.rows.done",
        "{row}",
        Kind.COUNTER,
        "Rows that need no more work, over all runs of the load.",
        lambda now: now.rows_done,
    ),
    Instrument(
        "scn_loader.rows.expected",
        "{row}",
        Kind.GAUGE,
        "Rows of the whole extract, if the format states them.",
        lambda now: now.rows_total,
    ),
    Instrument(
        "scn_loader.rows.rejected",
        "{row}",
        Kind.COUNTER,
        "Rows that could not become records, over all runs of the load.",
        lambda now: now.rows_rejected,
    ),
    Instrument(
        "scn_loader.events.planned",
        "{event}",
        Kind.COUNTER,
        "Events planned so far, over all runs of the load.",
        lambda now: now.events_planned,
    ),
    Instrument(
        "scn_loader.events.accepted",
        "{event}",
        Kind.COUNTER,
        "Events that the service accepted, over all runs of the load.",
        lambda now: now.events_accepted,
    ),
    Instrument(
        "scn_loader.events.failed",
        "{event}",
        Kind.COUNTER,
        "Events recorded as failed, over all runs of the load.",
        lambda now: now.events_failed,
    ),
    Instrument(
        "scn_loader.events.in_doubt",
        "{event}",
        Kind.GAUGE,
        "Events that may have been accepted, without a receipt.",
        lambda now: now.events_in_doubt,
    ),
    Instrument(
        "scn_loader.attempts",
        "{attempt}",
        Kind.COUNTER,
        "HTTP requests of this run.",
        lambda now: now.attempts,
    ),
    Instrument(
        "scn_loader.attempts.throttled",
        "{attempt}",
        Kind.COUNTER,
        "Requests of this run that the service throttled.",
        lambda now: now.throttled,
    ),
    Instrument(
        "scn_loader.attempts.retried",
        "{attempt}",
        Kind.COUNTER,
        "Requests of this run that were not the first of their event.",
        lambda now: now.retried,
    ),
    Instrument(
        "scn_loader.attempts.in_flight",
        "{attempt}",
        Kind.GAUGE,
        "Requests in flight.",
        lambda now: now.in_flight,
    ),
    Instrument(
        "scn_loader.rate.allowed",
        "{event}/s",
        Kind.GAUGE,
        "Events per second that the rate controller allows.",
        lambda now: now.rate_limit,
    ),
    Instrument(
        "scn_loader.memory.held",
        "By",
        Kind.GAUGE,
        "Bytes of events held in memory.",
        lambda now: now.held_bytes,
    ),
    Instrument(
        "scn_loader.run.duration",
        "s",
        Kind.GAUGE,
        "Seconds since this run began.",
        lambda now: now.seconds,
    ),
    *(
        Instrument(
            f"scn_loader.attempt.duration.{name}",
            "s",
            Kind.GAUGE,
            f"Round trip of the attempts of this run: {words}.",
            partial(_latency_seconds, name),
        )
        for name, words in (
            ("p50", "median"),
            ("p95", "95th percentile"),
            ("p99", "99th percentile"),
            ("max", "longest"),
        )
    ),
)
