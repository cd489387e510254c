"""A load's metrics: the file at its end says what the summary says, and never stops a load."""

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.metrics.otlp_sink import otlp_sink

EXTRACT = "reservation_id,reservation_detail_id,quantity\nR1,1,5\nR2,1,x\nR3,1,7\n"


def run(scn_loader, path: Path, *options: object) -> tuple[int, dict[str, int], str]:
    """Load an extract into an emulator of its own; return exit code, summary and stderr."""
    summary = path.with_suffix(".json")
    done = scn_loader(
        *("load", path, "--event-type", "scn.data.reservation", "--emulate", "--progress", "plain"),
        *("--run-dir", path.parent / "run", "--summary-json", summary, *options),
    )
    return done.returncode, json.loads(summary.read_text()), done.stderr


def test_the_metrics_agree_with_the_summary(scn_loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Counts and exit code are those of the summary: in the file, for CloudWatch, and at a collector."""
    path, prom = tmp_path / "r.csv", tmp_path / "scn.prom"
    path.write_text(EXTRACT)
    with otlp_sink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        code, summary, said = run(scn_loader, path, "--metrics-file", prom, "--log-format", "json")
        (accepted,) = sink.metrics()["scn_loader.events.accepted"].sum.data_points
    assert accepted.as_int == 2
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(prom.read_text())
        for sample in family.samples
    }
    assert code == values["scn_loader_run_exit_code"] == 1
    assert values["scn_loader_events_accepted_total"] == summary["events_accepted"] == 2
    assert values["scn_loader_rows_rejected_total"] == summary["rows_rejected"] == 1
    lines = [json.loads(line) for line in said.splitlines() if line.startswith('{"_aws"')]
    assert [line["scn_loader.events.accepted"] for line in lines] == [2]


def test_lines_that_a_quote_swallows_are_no_rows(scn_loader, tmp_path: Path):
    """A row of many lines is one row to the equations of the summary, whatever --max-errors counts."""
    path = tmp_path / "r.csv"
    path.write_text('reservation_id,reservation_detail_id\n"1\'x\nR1"",\'"\nR2,1\n')
    code, summary, said = run(scn_loader, path)
    assert code in (1, 2), said
    assert summary["files_read_whole"] == summary["files_total"] or code == 2


def test_a_metrics_file_that_cannot_be_written_stops_nothing(scn_loader, tmp_path: Path):
    """The load ends as it would, and says once that there are no metrics."""
    path = tmp_path / "r.csv"
    path.write_text(EXTRACT)
    code, summary, said = run(scn_loader, path, "--metrics-file", tmp_path / "none" / "scn.prom")
    assert (code, summary["events_accepted"]) == (1, 2)
    assert said.count("metrics file cannot be written") == 1
