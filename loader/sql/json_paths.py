"""Steps into nested values: fields of structs, elements of lists, and both in JSON text.

Rules kept here:

1. A missing member or element, or a null, gives no value.
2. A row fails if its text is not JSON, or is a single value where a member or element is needed.
3. Numbers keep their digits: a member of JSON text is text; an object or array becomes its JSON text.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from loader import exact_json
from loader.sql.column import TEXT, Column, column_of
from loader.sql.fault import SqlFault
from loader.struct_parts import struct_parts

PathStep = str | int
"""The name of a member, or the index of an element, from 0."""


def stepped(series: pl.Series, steps: Sequence[PathStep], shown: str) -> Column:
    """Return the value at the end of a path, for each value of a column.

    Args:
        series: The column.
        steps: The steps from the outside in.
        shown: The name of the column for errors.

    Raises:
        SqlFault: The column's type has no such member or element.
    """
    for number, step in enumerate(steps):
        if series.dtype == pl.String:
            return _in_json(series, steps[number:])
        if isinstance(step, str) and isinstance(series.dtype, pl.Struct) and step in series.struct.fields:
            series = struct_parts(series)[series.struct.fields.index(step)]
        elif isinstance(step, int) and isinstance(series.dtype, pl.List):
            series = series.list.get(step, null_on_oob=True)
        else:
            raise SqlFault(f"{shown} has no {'field' if isinstance(step, str) else 'element'} '{step}'")
    return column_of(series)


def _in_json(texts: pl.Series, steps: Sequence[PathStep]) -> Column:
    found: list[str | None] = []
    failed: list[bool] = []
    for text in texts:
        try:
            found.append(None if text is None else _text_behind(exact_json.read(text), steps))
            failed.append(False)
        except (
            ValueError,
            TypeError,
            RecursionError,
        ):  # not JSON, or not an object or array where one is needed
            found.append(None)
            failed.append(True)
    return Column(pl.Series(found, dtype=pl.String), TEXT).failing(pl.Series(failed, dtype=pl.Boolean))


def _text_behind(value: Any, steps: Sequence[PathStep]) -> str | None:
    """Return the text of the value at the end of the path, or None without a value.

    Raises:
        TypeError: A step leads into a single value, a name into an array, or an index into an object.
    """
    for step in steps:
        if value is None:
            return None
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step] if step < len(value) else None
        else:
            raise TypeError("no such step")
    if value is None:
        return None
    return str(value) if isinstance(value, str) else exact_json.written(value)
