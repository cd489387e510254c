"""The metrics by OTLP: decoded by the protocol's own classes, and never in the way of a load's end."""

import logging
import socket
import threading
import time

import pytest

from loader.metrics.instruments import INSTRUMENTS, Kind
from loader.metrics.otel import END_SECONDS, OtelMetrics, is_wanted
from loader.report import Snapshot
from tests.metrics.otlp_sink import otlp_sink
from tests.metrics.test_metrics import NOW

LABELS = {"event_type": "scn.data.reservation", "instance_id": "i"}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def wait_for_the_end_of_threads() -> None:
    """In a process that runs more loads, no thread of this one sends its values again."""
    until = time.monotonic() + 20
    while left := [each.name for each in threading.enumerate() if "otel" in each.name.lower()]:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_a_collector_gets_every_value(monkeypatch: pytest.MonkeyPatch):
    """Name, unit, kind, attributes and value of each metric are those of the metrics file."""
    with otlp_sink() as sink:
        monkeypatch.setenv(ENDPOINT, sink.endpoint)
        metrics = OtelMetrics(LABELS, {})
        metrics.update(Snapshot())
        metrics.end(NOW, 1)
        wait_for_the_end_of_threads()
        (resource,) = sink.received[-1].resource_metrics
        named = {each.key: each.value.string_value for each in resource.resource.attributes}
        assert named["service.name"] == "scn-loader"
        found = sink.metrics()
    for each in INSTRUMENTS:
        value = each.value(NOW)
        if value is None:
            assert each.name not in found
            continue
        metric = found[each.name]
        assert (metric.unit, metric.description) == (each.unit, each.meaning)
        is_counter = each.kind is Kind.COUNTER
        assert metric.WhichOneof("data") == ("sum" if is_counter else "gauge")
        data = metric.sum if is_counter else metric.gauge
        if is_counter:
            assert data.is_monotonic
        (point,) = data.data_points
        assert point.as_double + point.as_int == pytest.approx(value)
        assert {each.key: each.value.string_value for each in point.attributes} == LABELS
    (end,) = found["scn_loader.run.exit_code"].gauge.data_points
    assert end.as_int == 1


@pytest.mark.parametrize("answers", [False, True], ids=["refused", "silent"])
def test_a_dead_collector_delays_the_end_by_two_seconds_at_most(
    answers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """A port without a server, and a server that takes connections and never answers: one line says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if answers:
            taken.listen()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{taken.getsockname()[1]}")
        metrics = OtelMetrics(LABELS, {})
        began = time.monotonic()
        with caplog.at_level(logging.WARNING):
            metrics.end(NOW, 0)
        assert (
            time.monotonic() - began < END_SECONDS + 3.0
        )  # on a busy machine; the library's own limit is 10 s
    assert [record.getMessage() for record in caplog.records] == [
        "The last metrics did not reach the OpenTelemetry collector."
    ]
    wait_for_the_end_of_threads()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, True),
        ({ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({ENDPOINT: "http://c:4318", "OTEL_METRICS_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_switch_it_on(environment, wanted):
    """A collector that is named gets metrics, unless the SDK is switched off."""
    assert is_wanted(environment) is wanted
