"""Bars and maps: every part that is there can be seen, and the parts fill the bar."""

from xml.etree import ElementTree as ET

import pytest

from loader.pictures.cells import LEAST_SHARE_WIDTH, WIDTH, Share, share_bar


@pytest.mark.parametrize("sizes", [[1_000_000, 5], [3, 0, 1], [0, 0], [1, 1_000_000, 1, 1]])
def test_small_parts_of_a_bar_are_seen_and_the_parts_fill_it(sizes: list[int]) -> None:
    """Five failed events of a million are not hidden, and nothing is drawn outside."""
    svg = ET.fromstring(share_bar([Share(size, "x", str(size)) for size in sizes], "all"))
    parts = [rect for rect in svg.findall("rect") if rect.get("class") == "x"]
    assert len(parts) == sum(size > 0 for size in sizes)
    assert all(float(str(part.get("width"))) >= LEAST_SHARE_WIDTH for part in parts)
    if parts:
        ends = float(str(parts[-1].get("x"))) + float(str(parts[-1].get("width")))
        assert ends == pytest.approx(WIDTH, abs=0.3)
