"""Type compatibility: the kinds of values in source columns, and the kinds that each dataset type accepts."""

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
"""A column without any value (Null) counts as text: it fits every type."""

_NUMBERS = ("whole numbers", "floating-point numbers", "decimal numbers")

TAKES = {
    "string": tuple(_KINDS),
    "double": ("text", *_NUMBERS),
    "int": ("text", *_NUMBERS),
    "timestamp": ("text", "dates", "timestamps"),
}
"""The kinds that each type of dataset column accepts."""

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
"""Column types for a custom dataset, whose schema is unknown."""


def _has_text(dtype: PolarsDataType) -> bool:
    return kind_of(pl.Series(dtype=dtype).dtype) is not None


def kind_of(dtype: pl.DataType) -> str | None:
    """Return the kind of a source column's values, or None if the type has no text form."""
    return next((kind for kind, holds in _KINDS.items() if holds(dtype)), None)


def refusal(dtype: pl.DataType, column_type: str, rule: ColumnRule) -> str | None:
    """Return why a source column does not fit a column of ``column_type``, or None if it fits."""
    if dtype == pl.Binary:
        return None if rule.binary else 'it has bytes: set binary = "utf8", "base64" or "hex" in its mapping'
    if isinstance(dtype, Unread):
        return (
            f"it has {dtype}, which have no text form (--ignore-unknown leaves out columns without a mapping)"
        )
    kind = kind_of(dtype)
    if kind is None:
        return f"its type {dtype} cannot be sent in a record"
    return None if kind in TAKES[column_type] else _unfit(kind, column_type, rule)


def _unfit(kind: str, column_type: str, rule: ColumnRule) -> str | None:
    if column_type == "timestamp" and kind == "whole numbers":
        how = 'formats = "epoch_s", "epoch_ms" or "epoch_us" reads numbers since 1970, "%Y%m%d" reads dates'
        return None if rule.formats else f"it has whole numbers, expected timestamps: {how}"
    return f"it has {kind}, expected {column_type}"
