"""Rows above a table, such as the title of a report: they are not its header.

A spreadsheet program pads each row of a CSV file to the width of the sheet. So the number of used fields
decides, not the number of fields.
"""

from collections.abc import Sequence

TITLE_FACTOR = 2
"""A title uses at most half as many fields as the rows of the table below it."""

MAJORITY = 0.5
"""A table has at least this share of the rows, not counting empty ones."""


def rows_above_table(used: Sequence[int]) -> int:
    """Return the number of rows before the header if the first row with a value seems to be a title, else 0.

    Args:
        used: For each row from the first, the number of its fields without the empty ones at its end.
    """
    first = next(filter(None, used), 0)
    others = [fields for fields in used[used.index(first) + 1 :] if fields] if first else []
    of_table = [fields for fields in others if fields >= TITLE_FACTOR * first]
    if not of_table or len(of_table) < MAJORITY * len(others):
        return 0
    return next(row for row, fields in enumerate(used) if TITLE_FACTOR * fields > max(of_table))
