"""The pages that the benchmarks write."""

from pathlib import Path

import pytest

from benchmarks import report, stages
from benchmarks.environment import Environment
from benchmarks.pictures import ComparisonPanel
from benchmarks.results import Figure, Measurement
from benchmarks.stages import Profile, write_page

HERE = Environment("2026-01-01", "abc", "two cores", "3.11")
MEASUREMENTS = [
    Measurement("boto3, 16 threads", "peer", [1000.0], [1000.0], 0.05, versions={"boto3": "1.44"}),
    Measurement("ours", "row", [20_000.0], [20_000.0], 0.3),
    Measurement("ours, packed", "packed", [250_000.0], [500.0], 0.2),
]


def test_each_command_writes_its_section_and_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page gets both sections, whichever command runs first, and has every picture it shows."""
    monkeypatch.setattr(report, "ROOT", tmp_path)
    panels = {"quota-nginx.svg": ("rates", [ComparisonPanel("one", [10.0] * 3, [10, 9, 10], [0, 1, 0])])}

    report.write_quota(HERE, ["a table"], panels, quick=False)
    report.write_throughput(HERE, MEASUREMENTS, [Figure("a", "1")], quick=False)
    report.write_checkpoint(HERE, [Figure("marks", "1")], quick=False)
    page = (tmp_path / "docs" / "benchmarks.md").read_text()

    assert page.index("## What the checkpoint costs") > page.index("## Speed")
    assert page.index("| **ours**") > page.index("Peers: boto3 1.44.")
    assert "a table" in page
    # Other commands write the other sections.
    assert page.count("Not measured yet") == len(report.SECTIONS) - 3
    for picture in ("throughput.svg", "quota-nginx.svg"):
        assert f"(pictures/{picture})" in page
        assert (tmp_path / "docs" / "pictures" / picture).exists()


def test_a_trial_leaves_the_page_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Numbers of a quick run never reach the documentation."""
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "bench_folder", lambda: tmp_path / "bench")

    report.write_throughput(HERE, MEASUREMENTS, [], quick=True)

    assert not (tmp_path / "docs").exists()
    assert (tmp_path / "bench" / "quick" / "benchmarks.md").exists()


def test_what_was_tried_is_added_and_earlier_entries_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The profile is renewed; records of what was tried are kept, newest last."""
    page = tmp_path / "stages.md"
    page.write_text(stages.PAGE.read_text())
    monkeypatch.setattr(stages, "PAGE", page)
    slow = Profile("one row per event", 1.0, {"sign": 9.0, "whole load": 90.0})
    fast = Profile("one row per event", 1.0, {"sign": 4.0, "whole load": 85.0})

    write_page(HERE, [slow], [fast], "sign slower", "not kept")
    write_page(HERE, [fast], [slow], "sign faster", "kept")
    lines = page.read_text().splitlines()

    assert "| sign | 4.00 | 5% | 4.000 |" in lines
    assert "| sign | 9.00 | 10% | 9.000 |" not in lines
    assert lines[-2].startswith("| sign slower | one row per event, sign: 4.00 -> 9.00 us")
    assert lines[-1].startswith("| sign faster | one row per event, sign: 9.00 -> 4.00 us")
    assert lines[-1].endswith("| kept | abc |")
