"""What the texts of a column probably are: timestamp formats, and words that stand for no value.

Every guess is tried on the sample with the functions that will read the extract. Guesses are for a job file
for a person to check. No load uses this module.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from loader.drafting.known_fields import System
from loader.job import ColumnRule
from loader.records.convert import DOUBLE, INT
from loader.records.numbers import plain_numbers
from loader.records.time_zones import UTC
from loader.records.timestamps import ISO_FORMAT, from_text
from loader.row_issues import values_where

FORMATS = (
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M%S",
)
"""What is tried for timestamps that are not ISO 8601; of those that fit equally many, the first is taken."""

FEWEST_DIGITS = 3
"""Digits of the shortest date (``1-Jan-24``): texts with fewer are not tried with each format."""

MOST_FORMATS = 3
"""Formats that a column may mix."""

FEW_WORDS = 6
"""More different texts than this among dates or numbers are not words for "no value"."""

_PADDED_SHARE = 0.5
"""A column of texts of which more have blanks around them was padded by a program."""

FITTING_SHARE = 0.5
"""If fewer of the other texts of a column fit the type, the column has another type."""

_WORD = re.compile(r"[^0-9]{1,60}")
"""A text that may stand for "no value": short, and without a digit."""

_NO_DATE = r"0{8}(?:0{6})?|0000-00-00(?:[ T]00:00:00)?|00[./-]00[./-](?:0000|00)"
"""A date of zeros: SAP and MySQL write it for a missing date."""

Marks = tuple[tuple[str, str], ...]
"""Settings of a rule that say how numbers are written."""

_NUMBER_MARKS: tuple[Marks, ...] = tuple(
    (*marks, *negative)
    for negative in ((), (("negative", "trailing"),))
    for marks in (
        (),
        (("decimal", ","),),
        (("decimal", ","), ("thousands", ".")),
        (("decimal", "."), ("thousands", ",")),
        (("decimal", ","), ("thousands", " ")),
    )
)
"""What is tried for numbers, the plainest first; of those that fit equally many, the first is taken."""


_NO_VALUE_MARKS = frozenset({"(null)", "<null>", "[null]", "\\n"})
"""What database tools write for a missing value (SQL Developer, DBeaver, MySQL), in small letters: no code is
written like that, so they are also taken from columns of text."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How texts of an extract are written where nothing else decides.

    Attributes:
        decimals: Decimal marks of other columns.
        formats: Timestamp formats of other columns.
        date_format: Timestamp format of the business system that the extract is from.
        no_date: Texts that this system writes for a missing date, as a regular expression.
    """

    decimals: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    date_format: str = ""
    no_date: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """How the texts of a column are probably to be read.

    Attributes:
        formats: Timestamp formats; empty for ISO 8601.
        null_words: Texts that stand for no value.
        rivals: Other formats that fit as many texts: only its owner can say.
        unread: Texts of the sample that fit nothing: their rows would be rejected.
        fits: Whether the column can hold values of the type at all.
        marks: How numbers are written, if not with a point and a minus in front.
        rival_marks: Other marks that fit as many texts and give other numbers.
        trim: Whether blanks around texts are padding.
    """

    formats: tuple[str, ...] = ()
    null_words: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    unread: int = 0
    fits: bool = True
    marks: Marks = ()
    rival_marks: tuple[Marks, ...] = ()
    trim: bool = False


def guess(sample: pl.Series, column_type: str, habits: Habits = Habits()) -> Guess:
    """Return how a column is probably to be read, if it feeds a dataset column of ``column_type``.

    Args:
        sample: Values of the column.
        column_type: Type of the dataset column.
        habits: How other texts of the extract are written.
    """
    if sample.dtype != pl.String:
        return Guess()
    # Under a name of our own: the column may be named like the counts.
    written = sample.alias("text").drop_nulls()
    bare = written.str.strip_chars()
    padded = int((written != bare).sum())
    # A number or date with blanks around it is not valid. Blanks may be a part of a code: only a column whose
    # texts are mostly padded was padded by a program.
    trim = padded > (_PADDED_SHARE * len(written) if column_type == "string" else 0)
    counted = (bare if trim else written).value_counts(sort=True, name="count")
    counted = counted.filter(counted["text"] != "") if trim else counted
    if column_type == "string":
        return Guess(trim=trim, null_words=tuple(filter(_is_no_value, counted["text"].to_list())))
    return replace(_guess_values(counted["text"], counted["count"], column_type, habits), trim=trim)


def _is_no_value(text: str) -> bool:
    return text.lower() in _NO_VALUE_MARKS


def _guess_values(texts: pl.Series, counts: pl.Series, column_type: str, habits: Habits) -> Guess:
    """Return how numbers or timestamps are to be read; ``counts`` says how often each text stands."""
    formats: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    marks: Marks = ()
    rival_marks: tuple[Marks, ...] = ()
    is_timestamp = column_type == "timestamp"
    if is_timestamp:
        formats, rivals, is_read = _formats(texts, counts, habits)
    else:
        marks, rival_marks, is_read = _marks(texts, counts, column_type, habits.decimals)
    no_date = f"^(?:{'|'.join(filter(None, (_NO_DATE, habits.no_date)))})$"
    is_no_date = texts.str.contains(no_date) & is_timestamp
    if (is_read & ~is_no_date).any():
        is_read &= ~is_no_date  # 1900-01-01 is a date, and stands for none
    total, fitting = int(counts.sum()), int(counts.filter(is_read).sum())
    unread = pl.DataFrame({"text": texts, "is_no_date": is_no_date}).filter(~is_read)
    words = [text for text, none in unread.iter_rows() if none or _is_no_value(text) or _WORD.fullmatch(text)]
    null_words = tuple(words) if len(words) <= FEW_WORDS and fitting else ()
    no_values = int(counts.filter(texts.is_in(list(null_words))).sum())
    return Guess(
        formats=formats,
        null_words=null_words,
        rivals=rivals,
        unread=total - fitting - no_values,
        fits=fitting >= FITTING_SHARE * (total - no_values),
        marks=marks,
        rival_marks=rival_marks,
    )


def habits_of(guesses: Iterable[tuple[pl.Series, str, Guess]], system: System | None) -> Habits:
    """Return how an extract writes numbers and dates, from the columns that leave no doubt.

    Args:
        guesses: Samples of columns, their types, and how they are probably to be read.
        system: The business system that the extract is from, if it is known.
    """
    decimals: set[str] = set()
    formats: set[str] = set()
    for sample, column_type, guessed in guesses:
        if column_type == "timestamp":
            formats |= set() if guessed.rivals else set(guessed.formats)
        elif not guessed.rival_marks and sample.dtype == pl.String:
            mark = dict(guessed.marks).get("decimal", ".")
            decimals |= {mark} if sample.str.contains(mark, literal=True).any() else set()
    return Habits(
        decimals=frozenset(decimals),
        formats=frozenset(formats),
        date_format=system.date_format if system else "",
        no_date=system.no_date if system else "",
    )


def guess_type(sample: pl.Series, habits: Habits = Habits()) -> tuple[str, Guess]:
    """Return what a column that feeds nothing yet probably holds, and how that is to be read."""
    for column_type in ("double", "timestamp"):
        guessed = guess(sample, column_type, habits)
        # Without any value, anything would fit.
        if guessed.fits and sample.dtype == pl.String and sample.null_count() < len(sample):
            return column_type, guessed
    return "string", guess(sample, "string")


def _marks(
    texts: pl.Series, counts: pl.Series, column_type: str, decimals: frozenset[str]
) -> tuple[Marks, tuple[Marks, ...], pl.Series]:
    """Return the marks that fit most numbers, those that fit as many and give others, and which texts fit.

    Of marks that fit equally many, those are taken that other columns show (``decimals``), else the plainest.
    """
    numbers = {marks: _numbers_by(texts, marks, column_type) for marks in _NUMBER_MARKS}
    weight = {marks: int(counts.filter(read.is_not_null()).sum()) for marks, read in numbers.items()}
    is_told = len(decimals) == 1 and texts.str.contains("[.,]").any()
    best = max(
        _NUMBER_MARKS,
        key=lambda marks: (
            weight[marks],
            is_told and dict(marks).get("decimal", ".") in decimals,
            not marks,
        ),
    )
    if not best:
        return (), (), numbers[best].is_not_null()
    rivals = tuple(
        marks
        for marks in _NUMBER_MARKS
        if marks != best
        and weight[marks] == weight[best]
        and (numbers[marks].cast(pl.Float64) != numbers[best].cast(pl.Float64)).any()
    )
    return best, rivals, numbers[best].is_not_null()


def _numbers_by(texts: pl.Series, marks: Marks, column_type: str) -> pl.Series:
    """Return the texts that are numbers by some marks, with a point; null where they are not."""
    plain = texts
    if marks:
        plain, _ = plain_numbers(texts, ColumnRule.model_validate({"column": "x", **dict(marks)}))
    return values_where(plain, plain.str.contains(DOUBLE if column_type == "double" else INT))


def _formats(
    texts: pl.Series, counts: pl.Series, habits: Habits
) -> tuple[tuple[str, ...], tuple[str, ...], pl.Series]:
    """Return the formats that fit most texts, those that fit as many as the first, and which texts fit."""
    own = (habits.date_format,) if habits.date_format else ()
    tried = sorted((*own, *FORMATS), key=lambda each: each not in own and each not in habits.formats)
    is_read = _read_by(texts, ())
    formats: list[str] = []
    rivals: tuple[str, ...] = ()
    may_be_dated = bool(texts.str.count_matches(r"[0-9]").ge(FEWEST_DIGITS).any())
    while may_be_dated and len(formats) < MOST_FORMATS and not is_read.all():
        fitting = {each: _read_by(texts, (each,)) & ~is_read for each in tried if each not in formats}
        weight = {each: int(counts.filter(rows).sum()) for each, rows in fitting.items()}
        best = max(weight, key=lambda each: weight[each])
        if not weight[best]:
            break
        same = tuple(each for each in weight if each != best and weight[each] == weight[best])
        rivals += tuple(each for each in same if (fitting[each] == fitting[best]).all())
        # Dates of a sheet are ISO 8601, and texts beside them are written by hand.
        formats += [best] if formats or not is_read.any() else [ISO_FORMAT, best]
        is_read |= fitting[best]
    return tuple(formats), rivals, is_read


def _read_by(texts: pl.Series, formats: Sequence[str]) -> pl.Series:
    instants, problems = from_text(texts, formats, UTC)
    is_read = instants.seconds.is_not_null()
    for problem in problems:
        is_read &= ~problem.rows
    return is_read
