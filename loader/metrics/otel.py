"""Send the metrics by OTLP to an OpenTelemetry collector: observable instruments over the last snapshot.

The instruments read the same values as the metrics file, whenever the library collects them. The standard
variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` and others) enable and configure it.

Rule kept here: a collector that does not answer delays the end of a load by at most END_SECONDS.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loader.metrics.instruments import INSTRUMENTS, Instrument, Kind
from loader.report import Snapshot

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

log = logging.getLogger(__name__)

SWITCHES = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables that name a collector. If one of them is set, the metrics are sent."""

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
EXPORT_MILLISECONDS = 10_000
"""Interval between exports, unless ``OTEL_METRIC_EXPORT_INTERVAL`` is set. With the SDK's default of 60 s, a
short load would send almost nothing."""

END_SECONDS = 2.0
"""Time limit of the last export."""


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Return whether the environment names a collector for metrics."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_METRICS_EXPORTER", "otlp").lower() != "otlp":
        return False
    return any(environment.get(name) for name in SWITCHES)


def is_installed() -> bool:
    """Return whether the extra ``otel`` is installed."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter") is not None


class OtelMetrics:
    """The metrics of one load. A thread of the library sends them.

    Args:
        labels: Attributes of every metric, such as the event type.
        environment: The environment of the process.
    """

    def __init__(self, labels: Mapping[str, str], environment: Mapping[str, str]) -> None:
        # Imported here, because the extra takes half a second to import.
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
            OTLPMetricExporter,
        )
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

        # The library logs every failed export; the loader logs one line at the end instead.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._labels = dict(labels)
        self._now = Snapshot()
        self._exit_code: int | None = None
        interval = (
            None if environment.get(INTERVAL) else EXPORT_MILLISECONDS
        )  # None: the library reads the variable
        self._exporter = _watched(OTLPMetricExporter(), self._note)
        self._provider = MeterProvider(
            [PeriodicExportingMetricReader(self._exporter, interval)],
            Resource.create({"service.name": "scn-loader", "service.version": version("scn-loader")}),
            shutdown_on_exit=False,
        )
        self._was_exported = False
        self._create()

    def update(self, now: Snapshot) -> None:
        """Receive the state of the load."""
        self._now = now

    def end(self, now: Snapshot, exit_code: int) -> None:
        """Send the last metrics, for at most END_SECONDS, and end the threads of the library."""
        self._now, self._exit_code = now, exit_code
        self._was_exported = False
        # A thread of our own, because the library retries longer than its own time limit.
        _in_background(partial(self._provider.force_flush, END_SECONDS * 1e3)).join(END_SECONDS)
        if not self._was_exported:
            log.warning("The last metrics did not reach the OpenTelemetry collector.")
        # A process that runs more loads would otherwise send the values of this one until it ends. The
        # exporter is shut down first, so that it does not retry. Its last request may still wait for its time
        # limit.
        self._exporter.shutdown()
        _in_background(self._provider.shutdown)

    def _note(self, was_exported: bool) -> None:  # noqa: FBT001 - a callback
        self._was_exported = was_exported

    def _create(self) -> None:
        meter = self._provider.get_meter("scn-loader", version("scn-loader"))
        for each in INSTRUMENTS:
            is_counter = each.kind is Kind.COUNTER
            create = meter.create_observable_counter if is_counter else meter.create_observable_gauge
            create(each.name, [partial(self._observe, each)], each.unit, each.meaning)
        meter.create_observable_gauge(
            "scn_loader.run.exit_code", [self._observe_end], "1", "Exit code of the run, once it ended."
        )

    def _observe(self, instrument: Instrument, _options: "CallbackOptions") -> "Iterable[Observation]":
        return self._observed(instrument.value(self._now))

    def _observe_end(self, _options: "CallbackOptions") -> "Iterable[Observation]":
        return self._observed(self._exit_code)

    def _observed(self, value: float | None) -> "Iterable[Observation]":
        from opentelemetry.metrics import Observation  # noqa: PLC0415 - see above

        return () if value is None else (Observation(value, self._labels),)


def _in_background(work: Callable[[], object]) -> threading.Thread:
    """Start a thread that does not hold up the end of the process."""
    thread = threading.Thread(target=work, daemon=True, name="otel-end")
    thread.start()
    return thread


def _watched(exporter: Any, note: Callable[[bool], None]) -> Any:
    """Return the exporter. After each export, it calls ``note`` with True if the export succeeded."""
    from opentelemetry.sdk.metrics.export import MetricExportResult  # noqa: PLC0415 - see above

    send = exporter.export

    def export(*args: Any, **kwargs: Any) -> MetricExportResult:
        result: MetricExportResult = send(*args, **kwargs)
        note(result is MetricExportResult.SUCCESS)
        return result

    exporter.export = export
    return exporter
