"""Missing and surplus fields in the first rows of a CSV file, for a note to the user. Pure."""

from dataclasses import dataclass, replace

from loader.formats.csv.records import read_records
from loader.formats.csv.regular import has_all_fields, last_record_end, regular_rows
from loader.formats.csv.syntax import Syntax

MOST_ROWS = 2000
"""Number of rows that are examined, unless they are regular."""


@dataclass(frozen=True, slots=True)
class HeadRows:
    """The first rows of a file.

    Attributes:
        short: Number of rows that end before the last column.
        surplus: Number of rows with only empty fields after the last column.
        empty: Number of rows of separators only.
        same_surplus: Number of empty fields after the last column if all rows have the same; otherwise 0.
    """

    short: int = 0
    surplus: int = 0
    empty: int = 0
    same_surplus: int = 0


def look_at_rows(text: bytes, syntax: Syntax, columns: int, *, at_end: bool) -> HeadRows:
    """Examine the first rows.

    Args:
        text: The head of the file, from its first record on.
        syntax: The meaning of its characters.
        columns: Number of columns of the file.
        at_end: Whether the file ends with ``text``.
    """
    body = text if at_end else text[: last_record_end(text, syntax)]
    if not body or _is_regular(body, syntax, columns):
        return HeadRows()
    any_length = replace(syntax, skips_empty_rows=True)
    read = read_records(text, any_length, columns=None, at_end=at_end, most=MOST_ROWS)
    rows = [record for record in read.records if isinstance(record, list)]
    surplus = [len(row) - columns for row in rows if len(row) > columns and not any(row[columns:])]
    same = len(surplus) == len(rows) and len(set(surplus)) == 1
    return HeadRows(
        short=sum(1 for row in rows if len(row) < columns),
        surplus=len(surplus),
        empty=read.empty_rows,
        same_surplus=surplus[0] if same else 0,
    )


def _is_regular(body: bytes, syntax: Syntax, columns: int) -> bool:
    """Return whether every row has all its fields: a short and a long row together look like good ones."""
    return regular_rows(body, syntax, columns) is not None and has_all_fields(body, syntax, columns)
