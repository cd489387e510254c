"""Steps into nested values: fields of structs, elements of lists, and both in JSON text.

Rules kept here:

1. A missing member or element, or a null, gives no value.
2. A row fails if its text is not JSON, or is a single value where a member or element is needed.
3. Numbers keep their digits: a member of JSON text is text; an object or array becomes its JSON text.
4. If expressions have several paths into one column of JSON, each text is parsed once for all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from loader import exact_json
from loader.sql.column import TEXT, Column, column_of
from loader.sql.fault import SqlFault
from loader.struct_parts import struct_parts

PathStep = str | int
"""The name of a member, or the index of an element, from 0."""

Path = tuple[PathStep, ...]
"""The name of a column, and the steps into its values."""


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


def with_json_members(frame: pl.DataFrame, paths: Iterable[Path]) -> pl.DataFrame:
    """Add the values at several paths into a column of JSON, for `member`.

    Args:
        frame: The rows.
        paths: The paths of the expressions that are evaluated for them.
    """
    types = frame.schema
    steps_in: defaultdict[str, list[list[PathStep]]] = defaultdict(list)
    for name, *steps in dict.fromkeys(paths):
        if steps and types.get(str(name)) == pl.String and _name(str(name), steps) not in types:
            steps_in[str(name)].append(steps)
    members = []
    for name, paths_in in steps_in.items():
        if len(paths_in) == 1:
            continue
        for steps, column in zip(paths_in, _all_in_json(frame.get_column(name), paths_in), strict=True):
            failed = pl.Series([], dtype=pl.Boolean) if column.failed is None else column.failed
            failed = failed if len(failed) else pl.repeat(value=False, n=frame.height, eager=True)
            members += [column.values.alias(_name(name, steps)), failed.alias(_name(name, steps, "failed"))]
    return frame.with_columns(members) if members else frame


def member(frame: pl.DataFrame, name: str, steps: Sequence[PathStep]) -> Column | None:
    """Return the values at a path if `with_json_members` added them, otherwise None."""
    if _name(name, steps) not in frame.columns:
        return None
    values = frame.get_column(_name(name, steps)).alias("")
    return Column(values, TEXT).failing(frame.get_column(_name(name, steps, "failed")))


def _name(name: str, steps: Sequence[PathStep], what: str = "value") -> str:
    """Return the name of an added column. No name of a source column begins with NUL and has steps."""
    return f"\0{what} {[name, *steps]!r}"


def _in_json(texts: pl.Series, steps: Sequence[PathStep]) -> Column:
    (column,) = _all_in_json(texts, [steps])
    return column


def _all_in_json(texts: pl.Series, paths: Sequence[Sequence[PathStep]]) -> list[Column]:
    """Return the values at some paths. Each text is parsed once."""
    found: list[list[str | None]] = [[] for _ in paths]
    failed: list[list[bool]] = [[] for _ in paths]
    for text in texts:
        value, is_json = _parsed(text)
        for number, steps in enumerate(paths):
            behind, fails = (None, True) if not is_json else _behind(value, steps)
            found[number].append(behind)
            failed[number].append(fails)
    return [
        Column(pl.Series(values, dtype=pl.String), TEXT).failing(pl.Series(fails, dtype=pl.Boolean))
        for values, fails in zip(found, failed, strict=True)
    ]


def _parsed(text: str | None) -> tuple[Any, bool]:
    """Return the value of a text, and whether the text is JSON or null."""
    try:
        return None if text is None else exact_json.read(text), True
    except (ValueError, RecursionError):
        return None, False


def _behind(value: Any, steps: Sequence[PathStep]) -> tuple[str | None, bool]:
    """Return the text at the end of a path, and whether there is no such step or the text is too deep."""
    try:
        return _text_behind(value, steps), False
    except (ValueError, TypeError, RecursionError):
        return None, True


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
