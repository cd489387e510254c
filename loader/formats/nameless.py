"""Columns of a table that have no name in its header. Pure.

Report writers end each line with a separator, so the last column of their header has no name. Sheets have
empty columns between others.

Rules kept here:

1. Without a value in the first rows, such a column is left out, and a note says so. A value further down
   rejects its row: it may be a column that the user does not know of, or the end of a row that is one field
   too long.
2. With a value in the first rows, it is a column like others. Its name is its position. If a job leaves it
   out, a note names the row of the value, which may be one field too long.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from loader.formats.bad_record import RecordFault
from loader.reject_code import RejectCode

_LISTED = 10
"""Number of columns that a note lists."""

_BY_POSITION = re.compile(r"\(column [0-9]+\)")


def name_by_position(number: int) -> str:
    """Return the name of a column without one, by its number from 1."""
    return f"(column {number})"


def is_by_position(name: str) -> bool:
    """Return whether a name says the position of a column without a name."""
    return _BY_POSITION.fullmatch(name) is not None


def with_value(nameless: Mapping[str, int | None]) -> dict[str, int]:
    """Return the columns without a name in a header that names others, with the row of their first value."""
    return {name: row for name, row in nameless.items() if row is not None and is_by_position(name)}


def value_without_name(number: int) -> RecordFault:
    """Return the fault of a row with a value in a column without a name, by its number from 1."""
    return RecordFault(
        RejectCode.WRONG_FIELD_COUNT, f"column {number:,} has a value but no name in the header"
    )


def empty_columns_note(path: str, numbers: Sequence[int]) -> str:
    """Return the note about a file's columns without a name and without values, by their numbers from 1."""
    shown = ", ".join(f"{number:,}" for number in numbers[:_LISTED])
    more = len(numbers) - _LISTED
    if len(numbers) == 1:
        columns, they_are, them = f"Column {shown} of {path} has no name and no value", "It is", "it"
    else:
        shown += f" and {more:,} more" if more > 0 else ""
        columns, they_are, them = f"Columns {shown} of {path} have no names and no values", "They are", "them"
    return f"{columns} in the first rows. {they_are} left out, and a later value in {them} rejects its row."


def filled_column_note(path: str, name: str, row: int) -> str:
    """Return the note about a file's column without a name that has a value and is not used.

    Args:
        path: The file.
        name: The column, by its position.
        row: Row of its first value, from 1.
    """
    return (
        f"{name} of {path} has no name in the header, but a value in row {row:,}. It is left out. "
        "Check that row: a text with a separator but no quotes shifts the values after it into wrong columns."
    )


def filled(texts: pl.Series) -> pl.Series:
    """Return for each text of such a column whether it is a value: more than blanks."""
    return texts.fill_null("").str.strip_chars() != ""
