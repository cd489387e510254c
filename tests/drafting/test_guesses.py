"""What texts probably are is tried with the reader's own functions."""

import polars as pl
import pytest

from loader.drafting.guesses import Guess, guess, guess_type
from loader.drafting.timestamp_formats import FORMATS
from loader.records.time_zones import UTC
from loader.records.timestamps import from_text
from loader.strptime.format_faults import format_fault


def sample(*texts: str | None) -> pl.Series:
    return pl.Series("x", texts, dtype=pl.String)


@pytest.mark.parametrize("text_format", FORMATS)
def test_every_format_that_is_proposed_can_be_used(text_format):
    """A job file that was drafted is not refused for its formats."""
    assert format_fault(text_format) is None


def test_formats_and_words_of_dates_are_found():
    """Formats that mix, and words among the dates; what is neither is counted."""
    found = guess(
        sample("2-Jun-06", "14-Nov-06", "11/19/14", "Date Not Captured", None, "week 12"), "timestamp"
    )
    assert (found.formats, found.null_words) == (("%d-%b-%y", "%m/%d/%y"), ("Date Not Captured",))
    assert (found.unread, found.fits, found.rivals) == (1, True, ())


def test_an_ambiguous_order_of_day_and_month_is_reported():
    """Both orders fit: one is taken, the other is named."""
    found = guess(sample("01/02/2024", "03/04/2024"), "timestamp")
    assert (found.formats, found.rivals) == (("%m/%d/%Y",), ("%d/%m/%Y",))
    assert guess(sample("01/02/2024", "13/04/2024"), "timestamp").formats == ("%d/%m/%Y",)


def test_iso_8601_may_stand_beside_other_formats():
    """Dates of a sheet and texts that were typed beside them: both are read."""
    found = guess(sample("2024-01-31", "2024-02-01", "15.03.2024", "n/a"), "timestamp")
    assert (found.formats, found.null_words, found.unread) == (("iso8601", "%d.%m.%Y"), ("n/a",), 0)


def test_iso_8601_needs_no_format():
    """What is read without a format gets none, words or not."""
    found = guess(sample("2024-01-31", "2024-02-01T10:00:00Z", "n/a"), "timestamp")
    assert found == Guess(null_words=("n/a",))


@pytest.mark.parametrize(
    ("texts", "null_words", "fits"),
    [
        (("1", "2.5", "Freight Included"), ("Freight Included",), True),
        (("red", "green", "blue"), (), False),
        (("1", "AB-12", "AB-13"), (), False),
        ((None, None), (), True),
    ],
)
def test_numbers_with_words_are_numbers_and_words_alone_are_not(texts, null_words, fits):
    """A column of words is not a column of numbers without values."""
    found = guess(sample(*texts), "double")
    assert (found.null_words, found.fits) == (null_words, fits)


def test_the_type_of_an_unused_column_is_stated():
    """So that its entry can be copied as it is."""
    assert guess_type(sample("1", "-"))[0] == "double"
    assert guess_type(sample("2024-01-31"))[0] == "timestamp"
    assert guess_type(sample("red"))[0] == guess_type(sample(None))[0] == "string"


COMMA, EUROPEAN, AMERICAN = (
    (("decimal", ","),),
    (("decimal", ","), ("thousands", ".")),
    (("decimal", "."), ("thousands", ",")),
)
BEHIND = ("negative", "trailing")


@pytest.mark.parametrize(
    ("texts", "marks", "has_rivals"),
    [
        (("1.5", "-2"), (), False),
        (("1,5", "2,25"), COMMA, False),
        (("1.234,50", "2,00"), EUROPEAN, False),
        (("1,234.50", "2.00"), AMERICAN, False),
        (("1,234",), COMMA, True),
        (("5.00-", "1.00"), (BEHIND,), False),
        (("1.234,50-", "2,00"), (*EUROPEAN, BEHIND), False),
        (("1.234", "5.678"), (), False),
        (("red", "1"), (), False),
    ],
)
def test_how_numbers_are_written(texts, marks, has_rivals):
    """The marks that fit most; others that would give other numbers are named."""
    found = guess(sample(*texts), "double")
    assert found.marks == marks
    assert bool(found.rival_marks) == has_rivals


CYYDDD_DATES = [
    ("124031", "2024-01-31"),
    ("99034", "1999-02-03"),
    ("098185", "1998-07-04"),
    ("100001", "2000-01-01"),
    ("124366", "2024-12-31"),
    ("123366", None),
    ("124000", None),
    ("224001", None),
    ("1240311", None),
    ("0", None),
]


def test_dates_of_jd_edwards():
    """Century, year and day of the year; a day that the year does not have is none."""
    instants, _ = from_text(sample(*(text for text, _ in CYYDDD_DATES)), ("cyyddd",), UTC)
    found = pl.from_epoch(instants.seconds, "s").dt.date().cast(pl.String).to_list()
    assert found == [day for _, day in CYYDDD_DATES]


@pytest.mark.parametrize(
    "zeros", ["00000000", "0000-00-00", "00.00.0000", "00/00/0000", "0000-00-00 00:00:00"]
)
def test_dates_of_zeros_count_as_missing(zeros):
    """They stand for no value, beside dates; alone, nothing is guessed."""
    found = guess(sample("20240131", zeros), "timestamp")
    assert (found.null_words, found.unread) == ((zeros,), 0)
    assert guess(sample(zeros), "timestamp").null_words == ()
