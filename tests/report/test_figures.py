"""Numbers as text, and foreign text made harmless."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.report import figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (192, "3 min 12 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86_399.9, "1 d 0 h"),
        (277_200, "3 d 5 h"),
    ],
)
def test_durations_round_without_ever_reading_sixty(seconds, text):
    """A duration is shown in its two largest units, and 59.6 seconds are a minute."""
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (0, 0, "0 %"),
        (1, 1_000_000, "<0.1 %"),
        (423, 1000, "42.3 %"),
        (999_999_999, 1_000_000_000, "99.9 %"),
        (10, 10, "100 %"),
        (11, 10, "100 %"),
    ],
)
def test_shares_never_claim_more_than_they_know(part, whole, text):
    """Only all is 100 %, and only nothing is 0 %."""
    assert figures.percent(part, whole) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 0, "about 5 s left"),
        (41, 44, "about 45 s left"),
        (41, 70, "45 s to 1 min 30 s left"),
        (58, 59, "about 1 min left"),
        (3500, 3601, "59 min to 1 h 10 min left"),
        (3599, 3600, "about 1 h left"),
        (7200, 90_000, "more than 2 h left"),
        (7200, 60_000, "2 h to 16 h 40 min left"),
        (400_000, 400_001, "about 5 d left"),
    ],
)
def test_time_left_is_a_coarse_range(low, high, text):
    """An estimate has coarse steps, one figure where its ends agree, and no upper end where it is wild."""
    assert figures.time_left(low, high) == text


@given(low=st.floats(0, 1e12), factor=st.floats(1, 1e6))
def test_time_left_always_fits_its_place(low, factor):
    """Whatever the range, its text is short and starts with a word or a figure."""
    text = figures.time_left(low, low * factor)
    assert re.fullmatch(r"(about |more than )?\d[\d,]* (s|min|h|d)( \d+ (s|min))?( to .+)? left", text)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (1023, "1,023 B"), (12_600_000, "12 MiB"), (2**60, "1,048,576 TiB")]
)
def test_sizes_have_binary_units(number, text):
    """Bytes are shown in binary units."""
    assert figures.size(number) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(0, "0.0"), (37.46, "37.5"), (99.94, "99.9"), (15_230.4, "15,230")]
)
def test_rates_have_the_digits_that_mean_something(per_second, text):
    """A slow rate has a digit after the point, a fast one does not."""
    assert figures.rate(per_second) == text


@given(st.text())
def test_printable_text_is_one_harmless_line(text):
    """No character that a terminal would obey survives, and harmless text stays as it is."""
    harmless = figures.printable(text)
    assert harmless.isprintable()
    if text.isprintable():
        assert harmless == text


def test_printable_text_shows_what_it_defused():
    """An escape sequence and a forged line become visible characters."""
    assert figures.printable("a\x1b[31m\nerror: b\u202e") == r"a\x1b[31m\nerror: b\u202e"


@given(st.text(), st.integers(10, 50))
def test_printable_text_is_clipped_before_it_is_escaped(text, max_chars):
    """A clipped text keeps its beginning and says that something is missing."""
    clipped = figures.printable(text, max_chars)
    if len(text) > max_chars:
        assert clipped.endswith("...")
        assert clipped.startswith(figures.printable(text[: max_chars - 3]))
    else:
        assert clipped == figures.printable(text)
