"""Metrics: what an independent reader of the format sees, and names by the conventions."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loader.latency import Percentiles
from loader.metrics import MetricsFile, emf_line
from loader.metrics.instruments import INSTRUMENTS, Kind
from loader.metrics.prometheus import WRITE_SECONDS, metric_name, to_text
from loader.report import Snapshot

NOW = Snapshot(
    rows_total=100,
    rows_done=40,
    events_accepted=39,
    events_failed=1,
    attempts=50,
    throttled=10,
    rate_limit=12.5,
    held_bytes=1_048_576,
    latency=Percentiles(40.0, 80.0, 120.0, 400.0),
    seconds=3.25,
)
LABELS = {"event_type": "scn.data.reservation", "load": 'a"b\\c\nd'}


def read(text: str) -> dict[str, tuple[str, dict[str, str], float]]:
    """What Prometheus' own parser finds: type, labels and value by name."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = (family.type, sample.labels, sample.value)
    return found


def test_prometheus_reads_every_value():
    """Each metric that has a value is read with its type, its labels as they were, and its value."""
    found = read(to_text(NOW, LABELS, exit_code=1))
    for instrument in INSTRUMENTS:
        kind, labels, value = found[metric_name(instrument)]
        assert (kind, labels) == (instrument.kind.value, LABELS)
        assert value == pytest.approx(instrument.value(NOW))
    assert found["scn_loader_run_exit_code"][2] == 1.0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool")
def test_promtool_finds_no_fault():
    """Prometheus' own checker of names, units and help texts is silent."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=to_text(NOW, LABELS, exit_code=1).encode(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_what_is_not_known_is_left_out():
    """Without a total, a rate or a latency there is no line, rather than a zero."""
    found = read(to_text(Snapshot(), {}))
    assert not {name for name in found if "expected" in name or "rate" in name or "attempt_duration" in name}
    assert "scn_loader_run_exit_code" not in found


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_names_follow_the_conventions(instrument):
    """Dotted lower-case names without a unit; Prometheus' form ends in unit or ``_total``."""
    assert re.fullmatch(r"scn_loader(\.[a-z0-9_]+)+", instrument.name)
    assert instrument.meaning.endswith(".")
    name = metric_name(instrument)
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert name.endswith("_total") == (instrument.kind is Kind.COUNTER)
    if instrument.unit == "By":
        assert name.endswith("_bytes")


def test_names_are_all_different():
    """No two metrics share a name in either form."""
    assert len({metric_name(each) for each in INSTRUMENTS}) == len(INSTRUMENTS)


def test_the_file_is_written_whole_and_not_all_the_time(tmp_path: Path):
    """It is written at the first look and every few seconds, and no part of a file is left."""
    path = tmp_path / "scn.prom"
    file = MetricsFile(path, LABELS)
    file.update(NOW)
    first = path.read_text()
    file.update(Snapshot(seconds=NOW.seconds + WRITE_SECONDS / 2))
    assert path.read_text() == first
    file.update(Snapshot(seconds=NOW.seconds + WRITE_SECONDS))
    assert path.read_text() != first
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o400


def test_the_emf_line_names_what_it_holds():
    """The line has each metric that it declares, with a unit that CloudWatch knows."""
    line = json.loads(
        emf_line(NOW, {"event_type": "t"}, epoch_ms=1_800_000_000_000, exit_code=0, load="an id")
    )
    assert [line[name] for name in ("time", "level", "load")] == ["2027-01-15T08:00:00.000Z", "INFO", "an id"]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_800_000_000_000
    assert directive["Dimensions"] == [["event_type"]]
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
        assert metric["Unit"] in {"Count", "Bytes", "Seconds", "Count/Second"}
    assert line["scn_loader.events.accepted"] == 39


def test_the_documentation_lists_every_metric():
    """The guide has a line for each metric, with its unit and meaning."""
    guide = (Path(__file__).parents[2] / "docs" / "howto" / "watching.md").read_text()
    for each in INSTRUMENTS:
        assert f"| `{each.name}` | `{each.unit}` | {each.kind.value} | {each.meaning} |" in guide
