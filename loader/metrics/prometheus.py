"""A file in Prometheus' text format, for the textfile collector of node_exporter.

The file is replaced atomically, so that a reader never sees a part of it.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from loader.atomic import write_output
from loader.metrics.instruments import INSTRUMENTS, Instrument, Kind
from loader.report import Snapshot

WRITE_SECONDS = 5.0
"""Interval between writes during a load: a third of Prometheus' usual scrape interval."""

_UNITS = {"By": "bytes", "s": "seconds", "{event}/s": "events_per_second"}
"""UCUM units as suffixes of a name; annotations such as ``{row}`` have none."""


class MetricsFile:
    """The metrics of one load in a file.

    Args:
        path: The file; ``.prom`` for node_exporter.
        labels: Labels of every metric, such as the event type.
    """

    def __init__(self, path: Path, labels: Mapping[str, str]) -> None:
        self._path = path
        self._labels = labels
        self._written_at = -math.inf

    def update(self, now: Snapshot) -> None:
        """Write the file if it is due.

        Raises:
            OSError: The file cannot be written.
        """
        if now.seconds - self._written_at >= WRITE_SECONDS:
            self.write(now)

    def write(self, now: Snapshot, *, exit_code: int | None = None) -> None:
        """Write the file.

        Args:
            now: The state of the load.
            exit_code: The exit code of the load; None while it runs.

        Raises:
            OSError: The file cannot be written.
        """
        self._written_at = now.seconds
        text = to_text(now, self._labels, exit_code=exit_code)
        write_output(self._path, text.encode(), private=False, patience_seconds=0)  # the load waits meanwhile


def write_refused(path: Path, exit_code: int) -> None:
    """Write the exit code of a load whose settings cannot be used, so that its labels are unknown.

    Raises:
        OSError: The file cannot be written.
    """
    write_output(path, "\n".join([*_exit_code("", exit_code), ""]).encode(), private=False)


def to_text(now: Snapshot, labels: Mapping[str, str], *, exit_code: int | None = None) -> str:
    """Return the metrics in Prometheus' text format."""
    tags = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    lines = []
    for instrument in INSTRUMENTS:
        value = instrument.value(now)
        if value is not None:
            lines += _lines(metric_name(instrument), instrument.kind, instrument.meaning, tags, value)
    if exit_code is not None:
        lines += _exit_code(tags, exit_code)
    return "\n".join(lines) + "\n"


def _exit_code(tags: str, exit_code: int) -> list[str]:
    return _lines("scn_loader_run_exit_code", Kind.GAUGE, "Exit code of the last run.", tags, exit_code)


def metric_name(instrument: Instrument) -> str:
    """Return the name of a metric in Prometheus' form: with unit and, for counters, ``_total``."""
    name, unit = instrument.name.replace(".", "_"), _UNITS.get(instrument.unit, "")
    base, duration, percentile = name.partition("_duration_")
    parts = [f"{base}_duration", unit, percentile] if duration else [name, unit]
    if instrument.kind is Kind.COUNTER:
        parts.append("total")
    return "_".join(part for part in parts if part)


def _lines(name: str, kind: Kind, meaning: str, tags: str, value: float) -> list[str]:
    return [
        f"# HELP {name} {meaning}",
        f"# TYPE {name} {kind.value}",
        f"{name}{{{tags}}} {value:.10g}" if isinstance(value, float) else f"{name}{{{tags}}} {value}",
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
