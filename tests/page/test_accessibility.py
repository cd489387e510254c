"""The page for those who see no colour, little contrast or nothing, and for those without a mouse.

`test_browser.py` also runs axe-core.
"""

from importlib.resources import files
from itertools import pairwise

import pytest

from loader.page.document import SIGNS, to_html
from loader.page.model import CauseLine, WindowCell
from tests.page.contrast import DARK, LIGHT, contrast, palettes
from tests.page.test_document import page_of, parsed

STYLE = files("loader.page").joinpath("style.css").read_text(encoding="utf-8")
TEXT_CONTRAST, GRAPHIC_CONTRAST = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11 at level AA."""

COLOURS = ("blue", "red", "green", "amber", "grey", "violet", "teal")


@pytest.fixture(scope="module")
def tags():
    """The elements of a page with a little of everything, and more than one kind of window."""
    cause = CauseLine("quantity", "not a number", 3, "/x/a.csv row 1")
    windows = [WindowCell(0, 3, 4, 0, 0), WindowCell(4, 7, 3, 1, 0), WindowCell(8, 11, 4, 0, 2)]
    return parsed(to_html(page_of(rejected=[cause], failed=[cause], windows=windows))).seen


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_every_text_can_be_read(scheme: str):
    """Text and soft text on page and card; the sign of each verdict on its colour."""
    colours = palettes(STYLE)[scheme]
    for text in ("fg", "soft"):
        for ground in ("bg", "card"):
            assert contrast(colours[text], colours[ground]) >= TEXT_CONTRAST, (text, ground)
    for ground in ("green", "blue", "amber", "red", "grey"):
        assert contrast(colours["bg"], colours[ground]) >= GRAPHIC_CONTRAST, ground


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_every_curve_and_cell_can_be_seen(scheme: str):
    """Each colour of a picture against the page."""
    colours = palettes(STYLE)[scheme]
    for name in COLOURS:
        assert contrast(colours[name], colours["bg"]) >= GRAPHIC_CONTRAST, name


def test_the_contrast_is_that_of_the_standard():
    """Black on white is 21, and #767676 the lightest grey that can be read on white."""
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_headings_go_down_one_by_one(tags):
    """One h1, and no level is left out on the way down: a screen reader jumps by them."""
    levels = [int(tag[1]) for tag, _ in tags if tag in {"h1", "h2", "h3", "h4"}]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_the_page_has_landmarks_and_a_language(tags):
    """A main part, a header and a footer, and the language in which it is read aloud."""
    names = [tag for tag, _ in tags]
    assert names.count("main") == names.count("footer") == names.count("header") == 1
    assert ("html", {"lang": "en"}) in tags


def test_every_picture_has_words(tags):
    """An SVG is an image with a title; each cell, share and moment has one too."""
    for number, (tag, attributes) in enumerate(tags):
        if tag == "svg":
            assert attributes["role"] == "img"
            assert tags[number + 1][0] == "title"


def test_what_scrolls_is_reached_by_the_keyboard_and_has_a_name(tags):
    """A wide table, picture or command is scrolled with the arrow keys."""
    scrolling = [
        attributes
        for _, attributes in tags
        if set((attributes.get("class") or "").split()) & {"table", "picture"}
    ]
    assert len(scrolling) >= 4
    for attributes in scrolling:
        assert attributes["tabindex"] == "0"
        assert attributes["role"] == "group"
        assert attributes["aria-label"]
    assert all(attributes.get("tabindex") == "0" for tag, attributes in tags if tag == "pre")


def test_table_heads_say_what_they_are_the_head_of(tags):
    """Every head cell has a scope."""
    heads = [attributes for tag, attributes in tags if tag == "th"]
    assert heads
    assert all(attributes.get("scope") == "col" for attributes in heads)


def test_states_differ_by_more_than_colour(tags):
    """Verdicts have different signs; windows with failed events are round, and the key counts each state."""
    assert len(set(SIGNS.values())) == len(SIGNS)
    cells = [attributes for tag, attributes in tags if tag == "rect" and attributes.get("rx") in {"2", "7"}]
    shapes = {attributes["class"]: attributes["rx"] for attributes in cells}
    assert shapes == {"accepted": "2", "busy": "2", "failed": "7"}
    marks = {attributes["class"] for tag, attributes in tags if tag == "span"}
    assert {"mark accepted", "mark busy", "mark failed round"} <= marks
