"""Bring columns to one kind, compare them, and choose between them."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from loader.sql.casts import cast
from loader.sql.column import (
    BOOLEAN,
    DATE,
    DURATION,
    EXACT,
    FLOAT,
    NULL,
    OTHER,
    TEXT,
    TIME,
    TIMESTAMP,
    UNIT_DIGITS,
    Column,
)
from loader.sql.exact import float_of, rescaled
from loader.sql.fault import SqlFault
from loader.sql.times import ticks_of


def alike(columns: Sequence[Column]) -> list[Column]:
    """Return the columns converted to one kind.

    Raises:
        SqlFault: They have no kind in common.
    """
    kinds = {column.kind for column in columns} - {NULL}
    if not kinds:
        return list(columns)
    if kinds & {DATE, TIMESTAMP, TIME} and TEXT in kinds:
        (other,) = (kinds - {TEXT}) if len(kinds) == 2 else (None,)  # noqa: PLR2004 - text and one more
        columns = [_read_literal(column, other) if column.kind == TEXT else column for column in columns]
        kinds = {column.kind for column in columns} - {NULL}
    if kinds == {EXACT, FLOAT}:
        columns, kinds = [column if column.kind == NULL else float_of(column) for column in columns], {FLOAT}
    if kinds == {DATE, TIMESTAMP}:
        columns, kinds = (
            [cast(each, "TIMESTAMP") if each.kind == DATE else each for each in columns],
            {TIMESTAMP},
        )
    if len(kinds) != 1:
        raise SqlFault(
            f"{' and '.join(sorted(kinds))} cannot be combined",
            "All columns of a CSV file are text: CAST(column AS DOUBLE) converts them to numbers."
            if TEXT in kinds
            else "Use CAST on one of them.",
        )
    (kind,) = kinds
    if kind == EXACT:
        scale = max(column.scale for column in columns)
        columns = [rescaled(column, scale) for column in columns]
    if kind == TIMESTAMP:
        columns = _same_resolution(columns)
    dtype = next(column.values.dtype for column in columns if column.kind == kind)
    if kind == OTHER and any(column.kind == OTHER and column.values.dtype != dtype for column in columns):
        raise SqlFault("values of two types cannot be combined")
    return [
        replace(each, values=each.values.cast(dtype), kind=kind) if each.kind == NULL else each
        for each in columns
    ]


def _read_literal(column: Column, kind: str | None) -> Column:
    if column.literal is None or kind is None:
        raise SqlFault(f"text and {kind or 'other values'} cannot be combined", "Use CAST on one of them.")
    read = cast(column, {DATE: "DATE", TIMESTAMP: "TIMESTAMP", TIME: "TIME"}[kind])
    if read.values.null_count():
        raise SqlFault(f"'{column.literal}' does not have the form of {kind}")
    return read


def _same_resolution(columns: Sequence[Column]) -> list[Column]:
    zones = {getattr(each.values.dtype, "time_zone", None) for each in columns if each.kind == TIMESTAMP}
    if len(zones) != 1:
        raise SqlFault("timestamps with and without a zone cannot be combined")
    (zone,) = zones
    units = [each.values.dtype.time_unit for each in columns if isinstance(each.values.dtype, pl.Datetime)]
    finest = max(units, key=lambda unit: UNIT_DIGITS[unit])

    def finer(column: Column) -> Column:
        if column.kind != TIMESTAMP:
            return column
        ticks = ticks_of(column.values, UNIT_DIGITS[finest]).cast(pl.Int64, strict=False)
        values = (
            ticks.cast(pl.Datetime(finest)).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
            if zone
            else ticks.cast(pl.Datetime(finest))
        )
        return replace(column, values=values).failing(column.given() & values.is_null())

    return [finer(column) for column in columns]


def compared(left: Column, right: Column, operator: str) -> Column:
    """Return the results of a comparison (``=``, ``<>``, ``<``, ...); null if a side is null."""
    left, right = alike([left, right])
    if left.kind in (OTHER, DURATION) and operator not in ("=", "<>") and left.kind == OTHER:
        raise SqlFault("values of this type cannot be ordered")
    a, b = left.values, right.values
    answers = {
        "=": lambda: a == b,
        "<>": lambda: a != b,
        "<": lambda: a < b,
        "<=": lambda: a <= b,
        ">": lambda: a > b,
        ">=": lambda: a >= b,
    }[operator]()
    return Column(answers.cast(pl.Boolean), BOOLEAN).failing(left.failed, right.failed)


def distinct(left: Column, right: Column) -> Column:
    """Return whether two values differ; null equals null here."""
    same = compared(left, right, "=")
    both = left.given() & right.given()
    differ = (both & ~same.values.fill_null(value=False)) | (left.given() != right.given())
    return Column(differ, BOOLEAN).failing(same.failed)


def chosen(*columns: Column) -> Column:
    """Return the first value of each row. A failed value matters only if it would be chosen."""
    first, *others = alike(columns)
    values = first.values
    failed = first.failed
    for other in others:
        open_rows = values.is_null()
        if failed is not None:
            open_rows &= ~failed
        values = values.zip_with(~open_rows, other.values)
        if other.failed is not None:
            late = other.failed & open_rows
            failed = late if failed is None else failed | late
    return replace(first, values=values, failed=None, literal=None).failing(failed)


def extremes(columns: Sequence[Column], *, largest: bool) -> Column:
    """Return the largest or smallest value of each row; nulls are ignored."""
    first, *others = alike(columns)
    values = first.values
    for other in others:
        better = (other.values > values) if largest else (other.values < values)
        take = (better.fill_null(value=False)) | (values.is_null() & other.values.is_not_null())
        values = other.values.zip_with(take, values)
    return replace(first, values=values, failed=None, literal=None).failing(
        *(each.failed for each in (first, *others))
    )
