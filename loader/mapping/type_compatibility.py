"""What kinds of values source columns hold, and which kinds a dataset column of each type takes."""

from collections.abc import Callable

import polars as pl
from polars._typing import PolarsDataType

from loader.formats.unread import Unread
from loader.job import ColumnRule

_KINDS: dict[str, Callable[[pl.DataType], bool]] = {
    "text": lambda dtype: dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null),
    "whole numbers": lambda dtype: dtype.is_integer(),
    "floating-point numbers": lambda dtype: dtype.is_float(),
    "decimal numbers": lambda dtype: dtype.is_decimal(),
    "true and false": lambda dtype: dtype == pl.Boolean,
    "dates": lambda dtype: dtype == pl.Date,
    "timestamps": lambda dtype: dtype == pl.Datetime,
    "times of day": lambda dtype: dtype == pl.Time,
    "durations": lambda dtype: dtype == pl.Duration,
    "lists": lambda dtype: isinstance(dtype, (pl.List, pl.Array)) and _has_text(dtype.inner),
    "structs": lambda dtype: (
        isinstance(dtype, pl.Struct) and all(_has_text(each.dtype) for each in dtype.fields)
    ),
}
"""A column without any value (Null) counts as text: it fits everywhere."""

_NUMBERS = ("whole numbers", "floating-point numbers", "decimal numbers")

TAKES = {
    "string": tuple(_KINDS),
    "double": ("text", *_NUMBERS),
    "int": ("text", *_NUMBERS),
    "timestamp": ("text", "dates", "timestamps"),
}
"""The kinds that each type of dataset column takes."""

TYPE_OF_KIND = {
    "text": "string",
    "whole numbers": "int",
    "floating-point numbers": "double",
    "decimal numbers": "double",
    "true and false": "string",
    "dates": "timestamp",
    "timestamps": "timestamp",
    "times of day": "string",
    "durations": "string",
    "lists": "string",
    "structs": "string",
}
"""The type of a column of a custom dataset, whose schema is not known."""


def _has_text(dtype: PolarsDataType) -> bool:
    return kind_of(pl.Series(dtype=dtype).dtype) is not None


def kind_of(dtype: pl.DataType) -> str | None:
    """Return what kind of values a source column holds, or None if they have no text form here."""
    return next((kind for kind, holds in _KINDS.items() if holds(dtype)), None)


def refusal(dtype: pl.DataType, column_type: str, rule: ColumnRule) -> str | None:
    """Return why a source column cannot feed a column of ``column_type``, or None if it can."""
    if dtype == pl.Binary:
        return (
            None if rule.binary else 'it holds bytes: say binary = "utf8", "base64" or "hex" in its mapping'
        )
    if isinstance(dtype, Unread):
        return f"it holds {dtype}, which have no form here (--ignore-unknown leaves out what nothing maps)"
    kind = kind_of(dtype)
    if kind is None:
        return f"it holds values of the type {dtype}, which have no place in a record"
    return None if kind in TAKES[column_type] else _unfit(kind, column_type, rule)


def _unfit(kind: str, column_type: str, rule: ColumnRule) -> str | None:
    if column_type == "timestamp" and kind == "whole numbers":
        how = 'formats = "epoch_s", "epoch_ms" or "epoch_us" reads numbers since 1970, "%Y%m%d" dates'
        return None if rule.formats else f"it holds whole numbers, not timestamps: {how}"
    return f"it holds {kind}, expected {column_type}"
