"""Steps into nested values: fields of structs, places of lists, and both in JSON text.

Rules kept here:

1. A member or place that is missing, or null, is no value.
2. A text that is not JSON, or has a single value where a member or place is asked for, fails its row.
3. Numbers keep their digits: a member of JSON text is text, and an object or array its JSON text.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from loader import exact_json
from loader.sql.column import TEXT, Column, column_of
from loader.sql.fault import SqlFault

PathStep = str | int
"""The name of a member, or a place counted from 0."""


def stepped(series: pl.Series, steps: Sequence[PathStep], shown: str) -> Column:
    """Return the value at the end of a path, for each value of a column.

    Args:
        series: The column.
        steps: From the outside in.
        shown: The column, as errors name it.

    Raises:
        SqlFault: The type of the column has no such member or place.
    """
    for number, step in enumerate(steps):
        if series.dtype == pl.String:
            return _in_json(series, steps[number:])
        if isinstance(step, str) and isinstance(series.dtype, pl.Struct) and step in series.struct.fields:
            series = series.struct.field(step).alias("")
        elif isinstance(step, int) and isinstance(series.dtype, pl.List):
            series = series.list.get(step, null_on_oob=True)
        else:
            raise SqlFault(f"{shown} has no {'field' if isinstance(step, str) else 'place'} '{step}'")
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
    """Return the text of the value at the end of the path, or None if there is none.

    Raises:
        TypeError: A step leads into a single value, or a name into an array, or a place into an object.
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
