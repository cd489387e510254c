"""Pictures over time: valid SVG, every series drawn to scale, gaps left open."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.pictures.timeline import (
    MOST_TICKS,
    Moment,
    Series,
    TimelinePanel,
    scale_end,
    shares_of,
    ticks,
    timeline,
)

SVG = ET.Element
PANEL = TimelinePanel("Rates", (Series("a", "a", "a", is_area=True), Series("b", "b", "b")))


def drawn(moments: list[Moment]) -> SVG:
    """The picture, parsed."""
    text = timeline([PANEL], moments, shares_title="Limits", time_label=str, summary="a < b & c")
    return ET.fromstring(text)


def test_a_picture_is_well_formed_whatever_its_words():
    """Words with markup in them are text of the picture."""
    moments = [Moment(0.0, 1.0, {"a": 1.0}, {"<x>": 1.0}, label='<b>"&')]
    svg = drawn(moments)
    assert svg.findtext("title") == "a < b & c"
    assert [title.text for title in svg.findall("rect/title")] == ['<b>"&']


def test_a_gap_in_a_series_is_not_bridged():
    """A moment without a value ends the curve; the next value begins another one."""
    values = [{"b": 1.0}, {"b": 2.0}, {}, {"b": 3.0}]
    svg = drawn([Moment(float(at), 1.0, value) for at, value in enumerate(values)])
    assert len([line for line in svg.findall("polyline") if "b" in str(line.get("class")).split()]) == 2


@pytest.mark.parametrize("moments", [[], [Moment(0.0, 0.0, {})], [Moment(5.0, 2.0, {"a": 0.0})]])
def test_little_or_nothing_is_a_picture_too(moments):
    """No moment, one without values and one of zeros are drawn without an error."""
    assert drawn(moments).get("viewBox")


@given(st.floats(1e-6, 1e12))
def test_a_scale_ends_just_above_the_highest_value(highest):
    """The end of a scale is not below the value, and less than three times it."""
    assert highest * (1 - 1e-9) <= scale_end(highest) <= 2.5 * highest


def test_the_height_of_a_curve_is_its_value_on_the_scale():
    """A value at the end of the scale is at the top of the panel, half of it in the middle."""
    svg = drawn([Moment(0.0, 1.0, {"b": 10.0}), Moment(1.0, 1.0, {"b": 5.0})])
    (curve,) = [line for line in svg.findall("polyline") if line.get("class") == "b curve"]
    heights = [float(pair.split(",")[1]) for pair in str(curve.get("points")).split()]
    lines = sorted(
        {float(str(line.get("y1"))) for line in svg.findall("line") if line.get("class") == "grid"}
    )
    assert heights == [lines[0], lines[0], lines[1], lines[1]]


@given(st.floats(0, 1e7), st.floats(0.05, 1e8))
def test_times_on_the_axis_are_round_few_and_inside(start, seconds):
    """At most eight times, at equal distances, within the span."""
    found = ticks(start, seconds)
    assert len(found) <= MOST_TICKS + 1
    assert all(start - 1e-6 * seconds <= at <= (start + seconds) * (1 + 1e-9) for at in found)


def test_a_curve_of_zeros_is_left_out_with_its_name():
    """A red line of zeros along the axis would look like failed events."""
    svg = drawn([Moment(0.0, 1.0, {"a": 0.0, "b": 0.0}), Moment(1.0, 1.0, {"a": 0.0, "b": 0.0})])
    assert [line.get("class") for line in svg.findall("polyline")] == ["a curve"]
    assert "b" not in [each.text for each in svg.findall("text")]


def test_shares_of_several_causes_add_up_to_the_time():
    """The key below the strip has the largest cause first and no more than the whole."""
    moments = [Moment(0.0, 1.0, {}, {"x": 1.0}), Moment(1.0, 3.0, {}, {"y": 0.5, "x": 0.5})]
    assert shares_of(moments) == [("x", "limit0", 0.625), ("y", "limit1", 0.375)]
