"""Guess how the texts of a column are read: timestamp formats, number marks, and words for "no value".

Each guess is tested on the sample with the functions that read the extract in a load. Guesses are written to
a job file that the user checks. Loads do not use this module.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from loader.drafting.known_fields import System
from loader.drafting.number_marks import Marks, fitting_marks
from loader.drafting.timestamp_formats import fitting_formats

FEW_WORDS = 6
"""Maximum number of words for "no value" in a column of dates or numbers. More candidates are not words."""

_PADDED_SHARE = 0.5
"""If a larger share of the texts of a column has blanks around it, a program padded the column."""

FITTING_SHARE = 0.5
"""Minimum share of texts that fit a type, without words for "no value". Below it, the type is wrong."""

_WORD = re.compile(r"[^0-9]{1,60}")
"""A possible word for "no value": a short text without a digit."""

_NO_DATE = r"0{8}(?:0{6})?|0000-00-00(?:[ T]00:00:00)?|00[./-]00[./-](?:0000|00)"
"""A date of zeros. SAP and MySQL write it for a missing date."""

_NO_VALUE_MARKS = frozenset({"(null)", "<null>", "[null]", "\\n"})
"""Texts that database tools write for a missing value (SQL Developer, DBeaver, MySQL), in lower case. Codes
are not written like this, so these texts also count as missing values in columns of text."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """The notation of an extract. It decides if several notations fit a column equally well.

    Attributes:
        decimals: Decimal marks of other columns.
        formats: Timestamp formats of other columns.
        date_format: Timestamp format of the business system that wrote the extract.
        no_date: Texts that this system writes for a missing date, as a regular expression.
    """

    decimals: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    date_format: str = ""
    no_date: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """The probable notation of the texts of a column.

    Attributes:
        formats: Timestamp formats; empty for ISO 8601.
        null_words: Texts that mean "no value".
        rivals: Other formats that fit the same texts. Only the user can choose between them.
        unread: Number of values of the sample that are invalid. Their rows would be rejected.
        fits: Whether enough values fit the type.
        marks: Notation of numbers; empty for a decimal point and a leading minus.
        rival_marks: Other notations that fit equally many texts and give different numbers.
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


def guess(sample: pl.Series, column_type: str, conventions: Conventions = Conventions()) -> Guess:
    """Return the probable notation of a source column for a dataset column of type ``column_type``.

    Args:
        sample: Values of the column.
        column_type: Type of the dataset column.
        conventions: Notation of the other columns.
    """
    if sample.dtype != pl.String:
        return Guess()
    # The series is renamed, because the column may be named "count" too.
    written = sample.alias("text").drop_nulls()
    bare = written.str.strip_chars()
    padded = int((written != bare).sum())
    # A number or date with blanks around it is invalid, so these are always trimmed. Blanks may be a part of
    # a code, so texts are trimmed only if most of them have blanks.
    trim = padded > (_PADDED_SHARE * len(written) if column_type == "string" else 0)
    counted = (bare if trim else written).value_counts(sort=True, name="count")
    counted = counted.filter(counted["text"] != "") if trim else counted
    if column_type == "string":
        return Guess(trim=trim, null_words=tuple(filter(_is_no_value, counted["text"].to_list())))
    return replace(_guess_values(counted["text"], counted["count"], column_type, conventions), trim=trim)


def _is_no_value(text: str) -> bool:
    return text.lower() in _NO_VALUE_MARKS


def _guess_values(texts: pl.Series, counts: pl.Series, column_type: str, conventions: Conventions) -> Guess:
    """Return the notation of numbers or timestamps. ``counts`` has the number of occurrences of each text."""
    formats: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    marks: Marks = ()
    rival_marks: tuple[Marks, ...] = ()
    is_timestamp = column_type == "timestamp"
    if is_timestamp:
        formats, rivals, is_read = fitting_formats(
            texts, counts, conventions.date_format, conventions.formats
        )
    else:
        marks, rival_marks, is_read = fitting_marks(texts, counts, column_type, conventions.decimals)
    no_date = f"^(?:{'|'.join(filter(None, (_NO_DATE, conventions.no_date)))})$"
    is_no_date = texts.str.contains(no_date) & is_timestamp
    if (is_read & ~is_no_date).any():
        is_read &= ~is_no_date  # 1900-01-01 is a valid date, but means "no date"
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


def conventions_of(guesses: Iterable[tuple[pl.Series, str, Guess]], system: System | None) -> Conventions:
    """Return how an extract writes numbers and dates, from the columns whose notation is unambiguous.

    Args:
        guesses: Samples of columns, with their types and probable notations.
        system: The business system that wrote the extract, or None if it is unknown.
    """
    decimals: set[str] = set()
    formats: set[str] = set()
    for sample, column_type, guessed in guesses:
        if column_type == "timestamp":
            formats |= set() if guessed.rivals else set(guessed.formats)
        elif not guessed.rival_marks and sample.dtype == pl.String:
            mark = dict(guessed.marks).get("decimal", ".")
            decimals |= {mark} if sample.str.contains(mark, literal=True).any() else set()
    return Conventions(
        decimals=frozenset(decimals),
        formats=frozenset(formats),
        date_format=system.date_format if system else "",
        no_date=system.no_date if system else "",
    )


def guess_type(sample: pl.Series, conventions: Conventions = Conventions()) -> tuple[str, Guess]:
    """Return the probable type of an unmapped column, and its probable notation."""
    for column_type in ("double", "timestamp"):
        guessed = guess(sample, column_type, conventions)
        # A column without values would fit each type.
        if guessed.fits and sample.dtype == pl.String and sample.null_count() < len(sample):
            return column_type, guessed
    return "string", guess(sample, "string")
