"""Source columns to the texts that go into records, column by column.

Rules kept here:

1. What goes in as text comes out as the same text: digits, zeros, blanks and case are kept. Numbers are
   checked, never computed with.
2. A value that cannot be what its column is makes a problem of its row. Only an empty CSV field, a null,
   a null word or blanks under ``trim`` hold no value; nothing else ever turns into null.
3. Numbers of a Parquet file become the shortest text that reads back as the same number.
"""

from dataclasses import dataclass

import polars as pl

from loader.extract.instants import Instants
from loader.extract.mapping import MappedColumn
from loader.extract.problems import Problem, found, only
from loader.extract.timestamps import from_column, from_text
from loader.job import ColumnRule, Job

DOUBLE = r"^-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
INT = r"^-?[0-9]+$"


@dataclass(frozen=True, slots=True)
class Conversion:
    """The settings that say what values look like in a record.

    Attributes:
        time_zone: Zone of timestamps that name none, unless a column's rule names another.
        timestamps: ``iso8601`` or ``epoch_ms``.
        numbers: ``string`` or ``number``: whether numbers must also be JSON numbers.
    """

    time_zone: str
    timestamps: str
    numbers: str

    @classmethod
    def of(cls, job: Job) -> "Conversion":
        """Return the settings of a job."""
        return cls(job.time_zone, job.timestamps, job.numbers)


@dataclass(frozen=True, slots=True)
class Converted:
    """The texts of a column.

    Attributes:
        values: One text per row, null where there is no value.
        problems: Why rows must be rejected.
    """

    values: pl.Series
    problems: list[Problem]


def convert(source: pl.Series, column: MappedColumn, conversion: Conversion) -> Converted:
    """Return the texts of one column of the records, made from its source column."""
    if column.type == "timestamp":
        instants, problems = instants_of(source, column.rule, conversion.time_zone)
        as_iso = conversion.timestamps == "iso8601"
        texts = Converted(instants.iso_8601() if as_iso else instants.epoch_milliseconds(), problems)
    elif column.type == "string":
        texts = plain_text(_held(source, column.rule))
    elif column.type == "int":
        texts = _whole_numbers(_held(source, column.rule))
    else:
        texts = _numbers(_held(source, column.rule))
    if conversion.numbers == "number" and column.type in ("int", "double"):
        texts = Converted(_json_number(texts.values), texts.problems)
    if not column.required or not texts.values.null_count():
        return texts
    empty = pl.select(texts.values.is_null() & ~_any_of(texts.problems, len(source))).to_series()
    return Converted(
        texts.values, texts.problems + found(empty, "it holds no value, and the column needs one")
    )


def instants_of(source: pl.Series, rule: ColumnRule, time_zone: str) -> tuple[Instants, list[Problem]]:
    """Return the points in time that a source column holds."""
    held, zone = _held(source, rule), rule.time_zone or time_zone
    if held.dtype == pl.String:
        return from_text(held, rule.formats, zone)
    return from_column(held, zone)


def plain_text(source: pl.Series) -> Converted:
    """Return the texts of any source column: text as it is, numbers without loss, dates as ISO 8601."""
    if source.dtype == pl.String:
        return Converted(source, [])
    if source.dtype == pl.Date:
        return Converted(source.cast(pl.String), [])
    if isinstance(source.dtype, pl.Datetime):
        instants, problems = from_column(source, "UTC")
        texts = instants.iso_8601()
        return Converted(texts if source.dtype.time_zone else texts.str.strip_suffix("Z"), problems)
    if source.dtype.is_float():
        return _finite(source)
    return Converted(source.cast(pl.String), [])


def _held(source: pl.Series, rule: ColumnRule) -> pl.Series:
    """Return the source without the cells that hold no value by the column's rule."""
    if source.dtype in (pl.Categorical, pl.Enum, pl.Null):
        source = source.cast(pl.String)
    if rule.trim and source.dtype == pl.String:
        source = source.str.strip_chars()
        source = only(source, source != "")
    if not rule.null_words and rule.null_pattern is None:
        return source
    texts = plain_text(source).values
    empty = texts.is_in(list(rule.null_words))
    if rule.null_pattern is not None:
        empty |= texts.str.contains(full_match(rule.null_pattern))
    return only(source, ~empty.fill_null(value=False))


def full_match(pattern: str) -> str:
    """Return the regular expression that matches only texts which ``pattern`` matches from end to end."""
    return rf"\A(?:{pattern})\z"


def _numbers(source: pl.Series) -> Converted:
    if source.dtype == pl.String:
        good = source.str.contains(DOUBLE) & source.cast(pl.Float64, strict=False).is_finite()
        return Converted(
            source, found(source.is_not_null() & ~_sure(good), "it is not a number such as -1234.5")
        )
    return plain_text(source)


def _whole_numbers(source: pl.Series) -> Converted:
    problems: list[Problem] = []
    texts = source
    if source.dtype.is_float():
        whole = source.is_finite() & (source == source.floor())
        problems = found(~_sure(whole) & source.is_not_null(), "it is not a whole number")
        texts = only(source, whole & (source.abs() < 2.0**63)).cast(pl.Int64).cast(pl.String)
        too_large = source.is_not_null() & _sure(whole) & texts.is_null()
        return Converted(texts, problems + found(too_large, "it does not fit into 64 bits"))
    if source.dtype != pl.String:
        texts = source.cast(pl.String)
        if source.dtype.is_decimal():
            texts = texts.str.replace(r"\.0+$", "")
    digits = _sure(texts.str.contains(INT))
    problems = found(texts.is_not_null() & ~digits, "it is not a whole number such as -1234")
    too_large = digits & texts.cast(pl.Int64, strict=False).is_null()
    return Converted(texts, problems + found(too_large, "it does not fit into 64 bits"))


def _finite(source: pl.Series) -> Converted:
    return Converted(source.cast(pl.String), found(~source.is_finite(), "it is not a finite number"))


def _json_number(texts: pl.Series) -> pl.Series:
    """Return digits as JSON wants them: no zeros in front, and one before the point."""
    return texts.str.replace(r"^(-?)0+([0-9])", "${1}${2}").str.replace(r"^(-?)\.", "${1}0.")


def _any_of(problems: list[Problem], rows: int) -> pl.Series:
    any_problem = pl.repeat(value=False, n=rows, eager=True)
    for problem in problems:
        any_problem |= problem.rows
    return any_problem


def _sure(answers: pl.Series) -> pl.Series:
    return answers.fill_null(value=False)
