"""Text for narrow terminals: wrapped between words, with commands and paths whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.report import figures
from loader.status.fitted import fitted

TEXT = """\
Done, but with 2 rejected rows and 1 failed event of the load.

  attempts    4,000, 0 throttled (0 %), 0 retried
  run dir     /a/very/long/path/that/is/longer/than/any/narrow/terminal
                scn-loader status /a/very/long/path/that/is/longer/than/any/narrow/terminal"""


def test_text_continues_below_its_text_if_there_is_room():
    """At 40 columns there is room beside the labels; path and command stay whole."""
    assert fitted(TEXT, 40).split("\n") == [
        "Done, but with 2 rejected rows and",
        "1 failed event of the load.",
        "",
        "  attempts    4,000, 0 throttled (0 %),",
        "              0 retried",
        "  run dir     /a/very/long/path/that/is/longer/than/any/narrow/terminal",
        "                scn-loader status /a/very/long/path/that/is/longer/than/any/narrow/terminal",
    ]


def test_text_continues_below_the_label_if_there_is_no_room():
    """At 20 columns a label of 14 would leave six for the text."""
    assert fitted(TEXT.split("\n", maxsplit=1)[0], 20).split("\n")[0] == "Done, but with"
    assert fitted(TEXT.split("\n")[2], 20).split("\n") == [
        "  attempts 4,000,",
        "    0 throttled",
        "    (0 %), 0 retried",
    ]


MEASURES = [
    *(figures.percent(part, 1.0) for part in (0.0, 0.0001, 0.73, 1.0)),
    *(figures.size(1023 * 1024**power) for power in range(4)),
    *(figures.duration(seconds) for seconds in (0.8, 42, 192, 7500, 273_600)),
    *(figures.time_left(seconds, seconds * 20) for seconds in (3, 100, 5000)),
    f"{figures.rate(15_230)} events/s",
    f"p50 {1204:,.0f} ms",
    figures.counted(1, "row"),
    figures.counted(1_204_113, "event"),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_number_stays_with_its_unit(measure: str):
    """Whatever the width, no line ends between a number and its unit or the word that it counts."""
    text = f"  limited by  reading the extract {measure}; waiting for answers ({measure}), and nothing else"
    for width in range(26, 100):
        wrapped = fitted(text, width)
        assert not re.search(r"\d\n +[%A-Za-z]|\b(?:min|h|d|p50)\n +\d", wrapped), wrapped


_WORDS = st.lists(st.text("abc,", min_size=1, max_size=5), min_size=1, max_size=30).map(" ".join)
_LABELS = st.sampled_from(["", "  ", "      ", "rows      ", "  limited by  ", "              "])


@given(st.lists(st.tuples(_LABELS, _WORDS).map("".join), max_size=6), st.integers(20, 90))
def test_no_word_is_lost_and_no_line_is_too_long(lines: list[str], width: int):
    """The words are the same in the same order, and short words never exceed the width."""
    text = "\n".join(lines)
    wrapped = fitted(text, width)
    assert wrapped.split() == text.split()
    assert all(len(line) <= width for line in wrapped.split("\n"))
