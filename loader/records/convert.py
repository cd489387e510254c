"""Convert source columns to the texts of the records, column by column.

Rules kept here:

1. Text stays the same text: digits, zeros, blanks and case are kept. Numbers are checked, never
   changed.
2. A value that does not fit its column rejects its row. Only an empty CSV field, a null, a null word, or
   blanks under ``trim`` count as no value; nothing else becomes null.
3. Numbers of a Parquet file become the shortest text that reads back as the same number.
"""

from dataclasses import dataclass

import polars as pl

from loader.job import ColumnRule
from loader.mapping.column_sources import MappedColumn
from loader.records.instants import Instants
from loader.records.numbers import plain_numbers
from loader.records.settings import Conversion
from loader.records.time_zones import WallClock
from loader.records.timestamps import from_column, from_text
from loader.records.to_text import decoded, plain_text
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

DOUBLE = r"^-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
BEYOND_DOUBLES = "a number beyond the range of a double, which ends at about 1.8e308"
TOO_FINE = 'digits below a millisecond (timestamps = "iso8601" sends them)'

INT = r"^-?[0-9]+(?:\.0+)?$"
"""Whole numbers. Zeros after the decimal point do not change the value and are dropped."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The converted texts of a column.

    Attributes:
        values: One text per row, null where there is no value.
        problems: The rows to reject, and why.
    """

    values: pl.Series
    problems: list[RowIssue]


def convert(
    source: pl.Series, column: MappedColumn, conversion: Conversion, placeholder: str | None = None
) -> Converted:
    """Return the texts of one column of the records, converted from its source column.

    Args:
        source: The source column.
        column: The column of the records.
        conversion: How values look in a record.
        placeholder: The text to use where there is no value.
    """
    texts = _texts(source, column, conversion)
    if placeholder is None and not column.required:
        return texts
    if not texts.values.null_count():
        return texts
    empty = pl.select(texts.values.is_null() & ~_any_of(texts.problems, len(source))).to_series()
    if placeholder is not None:
        return Converted(texts.values.zip_with(~empty, _repeated(placeholder, len(source))), texts.problems)
    missing = issues_where(empty, RejectCode.MISSING_VALUE, "no value in a required column")
    return Converted(texts.values, texts.problems + missing)


def _texts(source: pl.Series, column: MappedColumn, conversion: Conversion) -> Converted:
    if column.type == "timestamp":
        instants, problems = instants_of(source, column.rule, conversion.time_zone)
        if conversion.timestamps == "iso8601":
            return Converted(instants.iso_8601(), problems)
        finer = issues_where(instants.finer_than_milliseconds, RejectCode.TOO_FINE_A_TIME, TOO_FINE)
        return Converted(instants.epoch_milliseconds(), problems + finer)
    held, unreadable = _held(source, column.rule)
    if column.type == "string":
        values, problems = plain_text(held)
        return Converted(values, unreadable + problems)
    if held.dtype == pl.String and column.rule.reads_numbers:
        held, unreadable = plain_numbers(held, column.rule)
    texts = _whole_numbers(held) if column.type == "int" else _numbers(held)
    values = _json_number(texts.values) if conversion.numbers == "number" else texts.values
    return Converted(values, unreadable + texts.problems)


def instants_of(source: pl.Series, rule: ColumnRule, time_zone: str) -> tuple[Instants, list[RowIssue]]:
    """Return the points in time in a source column."""
    held, unreadable = _held(source, rule)
    clock = WallClock(rule.time_zone or time_zone, rule.ambiguous, rule.nonexistent)
    if held.dtype.is_integer():  # the mapping accepts integers only with formats
        held = held.cast(pl.String)
    if held.dtype == pl.String:
        instants, problems = from_text(held, rule.formats, clock)
    else:
        instants, problems = from_column(held, clock)
    return instants, unreadable + problems


def _held(source: pl.Series, rule: ColumnRule) -> tuple[pl.Series, list[RowIssue]]:
    """Return the source without the cells that count as no value by the column's rule."""
    problems: list[RowIssue] = []
    if source.dtype == pl.Binary:
        source, problems = decoded(source, rule.binary)
    elif source.dtype in (pl.Categorical, pl.Enum, pl.Null):
        source = source.cast(pl.String)
    if rule.trim and source.dtype == pl.String:
        source = source.str.strip_chars()
        source = values_where(source, source != "")
    if not rule.null_words and rule.null_pattern is None:
        return source, problems
    texts, _ = plain_text(source)
    empty = texts.is_in(list(rule.null_words))
    if rule.null_pattern is not None:
        empty |= texts.str.contains(full_match(rule.null_pattern))
    return values_where(source, ~empty.fill_null(value=False)), problems


def full_match(pattern: str) -> str:
    """Return the regular expression for texts that ``pattern`` matches completely."""
    return rf"\A(?:{pattern})\z"


def _numbers(source: pl.Series) -> Converted:
    if source.dtype == pl.String:
        is_number = _sure(source.str.contains(DOUBLE))
        fits = _sure(source.cast(pl.Float64, strict=False).is_finite())
        bad, beyond = source.is_not_null() & ~is_number, is_number & ~fits
        return Converted(
            source,
            issues_where(bad, RejectCode.NOT_A_NUMBER, "not a number such as -1234.5")
            + issues_where(beyond, RejectCode.NOT_A_NUMBER, BEYOND_DOUBLES),
        )
    return Converted(*plain_text(source))


def _whole_numbers(source: pl.Series) -> Converted:
    problems: list[RowIssue] = []
    texts = source
    if source.dtype.is_float():
        whole = source.is_finite() & (source == source.floor())
        bad = ~_sure(whole) & source.is_not_null()
        problems = issues_where(bad, RejectCode.NOT_A_WHOLE_NUMBER, "not a whole number")
        texts = values_where(source, whole & (source.abs() < 2.0**63)).cast(pl.Int64).cast(pl.String)
        too_large = source.is_not_null() & _sure(whole) & texts.is_null()
        return Converted(texts, problems + _too_large(too_large))
    if source.dtype != pl.String:
        texts = source.cast(pl.String)
    digits = _sure(texts.str.contains(INT))
    if texts.str.contains(".", literal=True).any():
        texts = texts.zip_with(~digits, texts.str.replace(r"\.0+$", ""))
    bad = texts.is_not_null() & ~digits
    problems = issues_where(bad, RejectCode.NOT_A_WHOLE_NUMBER, "not a whole number such as -1234")
    too_large = digits & texts.cast(pl.Int64, strict=False).is_null()
    return Converted(texts, problems + _too_large(too_large))


def _too_large(rows: pl.Series) -> list[RowIssue]:
    return issues_where(rows, RejectCode.DOES_NOT_FIT_64_BITS, "larger than 64 bits")


def _json_number(texts: pl.Series) -> pl.Series:
    """Return digits in JSON form: without leading zeros, but with one before a decimal point."""
    return texts.str.replace(r"^(-?)0+([0-9])", "${1}${2}").str.replace(r"^(-?)\.", "${1}0.")


def _repeated(text: str, rows: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, rows)


def _any_of(problems: list[RowIssue], rows: int) -> pl.Series:
    any_problem = pl.repeat(value=False, n=rows, eager=True)
    for problem in problems:
        any_problem |= problem.rows
    return any_problem


def _sure(answers: pl.Series) -> pl.Series:
    return answers.fill_null(value=False)
