"""Tables, pictures and the page made of measurements."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from benchmarks.compare import comparison
from benchmarks.environment import Environment
from benchmarks.judge import WRK_PACKED, WRK_ROW, server_bound
from benchmarks.pictures import Bar, ComparisonPanel, bars, rates_over_time
from benchmarks.report import duration, replace_section, say_environment, skeleton, what_to_expect
from benchmarks.results import Figure, Measurement
from benchmarks.stages import Profile, changes, stage_table
from benchmarks.tables import figures_table, number, ratio, throughput_table

BASE = Measurement("boto3", "peer", [900.0, 1000.0, 1100.0], [900.0, 1000.0, 1100.0], 0.05)
ROW = Measurement("ours", "row", [20_000.0], [20_000.0], 0.3)
PACKED = Measurement("ours, packed", "packed", [250_000.0], [500.0], 0.2, remark="500 rows per event")
WRK = Measurement(WRK_ROW, "ceiling", [90_000.0], [90_000.0], 0.99)
WRK_FULL = Measurement(WRK_PACKED, "ceiling", [2_000_000.0], [4000.0], 0.95)
ALL = [ROW, WRK, PACKED, BASE, WRK_FULL]


def test_the_throughput_table_tells_medians_as_multiples_of_the_base() -> None:
    """Rows are ordered by speed; each has its median, its spread and its ratio to the base."""
    lines = throughput_table(ALL, "boto3").splitlines()

    assert lines[2].startswith("| boto3 | 1,000 | 900..1,100 | 1,000 | 1.0 |")
    assert lines[3].startswith("| **ours** | 20,000 |")
    assert "| 20.0 |" in lines[3]
    assert "| 250 |" in lines[5]
    assert "(500 rows per event)" in lines[5]


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.123"), (12.34, "12.3"), (1234.5, "1,230"), (98_765, "98,800")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """No number pretends to be more exact than it is."""
    assert number(value) == text
    assert ratio(1500, 1000) == "1.5"


def test_figures_that_miss_their_aim_stand_out() -> None:
    """The table says of each figure whether its aim is met, and nothing where none was set."""
    table = figures_table(
        [Figure("a", "1", "2", met=True), Figure("b", "3", "2", met=False), Figure("c", "4")]
    )

    assert table.splitlines()[2].endswith("| yes |")
    assert table.splitlines()[3].endswith("| **no** |")
    assert table.splitlines()[4].endswith("|  |")


def test_nothing_is_refused_while_the_server_has_room() -> None:
    """A client well below the server's ceiling, on a server with a quiet core, may be reported."""
    assert server_bound(ALL) == []


def test_a_busy_server_or_a_near_ceiling_is_refused() -> None:
    """A client is refused if the server's core was full or wrk could hardly do more."""
    busy = replace(ROW, server_share=0.95)
    near = replace(ROW, requests_per_second=[60_000.0])
    near_packed = replace(PACKED, requests_per_second=[3000.0])

    assert "95% of its core" in server_bound([busy, WRK])[0]
    assert WRK_ROW in server_bound([near, WRK])[0]
    assert WRK_PACKED in server_bound([near_packed, WRK, WRK_FULL])[0]


def test_a_section_is_renewed_and_the_others_stay() -> None:
    """Writing one section of the page leaves every other as it is."""
    page = replace_section(skeleton(), "throughput", "## Speed\n\nfast")
    page = replace_section(page, "quota", "## Quota")
    again = replace_section(page, "throughput", "## Speed\n\nfaster")

    assert "fast\n" in page
    assert "faster" in again
    assert "fast\n" not in again
    assert "## Quota" in again
    assert "Not measured" in again


def test_a_page_without_the_section_is_refused() -> None:
    """A page that lost its marks is not overwritten."""
    with pytest.raises(ValueError, match="no section quota"):
        replace_section("# something else", "quota", "body")


def test_a_busy_machine_is_told() -> None:
    """A reader learns that numbers were taken on a busy machine, and only then."""
    quiet = Environment("2026-01-01", "abc", "two cores", "3.11", {"nginx": "1.22"})
    busy = replace(quiet, busy=True, load_before=3.5)

    assert "load average" not in say_environment(quiet)
    assert "load average 3.5" in say_environment(busy)
    assert "nginx 1.22" in say_environment(quiet)


def test_what_to_expect_is_reckoned_from_the_measurements() -> None:
    """Times of ten million rows follow from the speeds, and from a limit that somebody set."""
    text = what_to_expect(ALL, limit=100, rows=10_000_000)

    assert "8.33 minutes or 40 seconds" in text
    assert "1.16 days with one row per event" in text
    assert "3.33 minutes with 500 rows per event" in text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "a second"), (45, "45 seconds"), (5400, "1.5 hours")])
def test_durations_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    """A duration is shown in its largest unit."""
    assert duration(seconds) == text


def test_bars_are_longer_for_larger_numbers_and_names_are_escaped() -> None:
    """The picture is well-formed whatever a name holds, and a larger number has a longer bar."""
    root = ET.fromstring(
        bars("speeds & more", [Bar("a < b", 1000, ours=False), Bar("ours", 20_000, ours=True)])
    )
    rects = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if "x" in each.attrib]
    short, long = (float(each.attrib["width"]) for each in rects)

    assert "a < b" in "".join(root.itertext())
    assert 0 < short < long


def test_a_panel_has_a_curve_for_each_kind_within_its_frame() -> None:
    """Quota, throttled and accepted rates are each one curve, and none leaves the picture."""
    panels = [ComparisonPanel("one", [100.0] * 5, [0, 50, 100, 99, 100], [0, 0, 20, 0, 0])] * 2
    root = ET.fromstring(rates_over_time("rates", panels))
    curves = [each.attrib["points"] for each in root.iter("{http://www.w3.org/2000/svg}polyline")]
    heights = [float(point.split(",")[1]) for curve in curves for point in curve.split()]

    assert len(curves) == 6
    assert min(heights) >= 0
    assert max(heights) <= float(root.attrib["height"])


def test_revisions_that_overlap_are_called_noise() -> None:
    """Two revisions differ only if no round of one reached the other's."""
    assert "may be noise" in comparison([100, 110, 105], [108, 112, 111])
    assert "no round of one reached the other" in comparison([100, 101, 102], [120, 121, 122])


def test_only_stages_that_changed_are_recorded() -> None:
    """A difference as small as that between two runs of the same code is left out."""
    before = Profile("packed", 400.0, {"sign": 10.0, "send": 50.0, "gone": 3.0, "whole load": 100.0})
    after = Profile("packed", 400.0, {"sign": 10.1, "send": 40.0, "whole load": 90.0})

    assert changes([after], [before]) == [
        "packed, send: 50.00 -> 40.00 us",
        "packed, whole load: 100.00 -> 90.00 us",
    ]
    assert "| send | 40.00 | 44% | 0.100 | 50.00 |" in stage_table(after, [before])
