"""Merged cells: only the first cell of a merge has a value. The others are empty in the file. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from loader.formats.excel.cells import CellKind, SheetCell, SheetRow
from loader.formats.excel.workbook import MergedRange

_COVERED = SheetCell(CellKind.COVERED, "")


def covered(
    rows: Iterable[tuple[int, SheetRow]], merges: Sequence[MergedRange], *, fills: bool
) -> Iterator[tuple[int, SheetRow]]:
    """Yield the rows. All cells of a merge except the first are marked as merged, or get its value.

    Args:
        rows: Number and cells of each row, in order.
        merges: The merges, by their first row.
        fills: Whether the cells get the value of the first one.
    """
    if not merges:
        yield from rows
        return
    ahead = iter(merges)
    following = next(ahead, None)
    active: list[tuple[MergedRange, SheetCell | None]] = []
    for number, row in rows:
        active = [(merge, value) for merge, value in active if merge.last_row >= number]
        while following is not None and following.first_row <= number:
            # If the first row of a merge is not in the file, the merge has no value.
            value = row.get(following.first_column) if following.first_row == number else None
            if following.last_row >= number:
                active.append((following, value))
            following = next(ahead, None)
        for merge, value in active:
            _mark(row, number, merge, value, fills=fills)
        yield number, row


def _mark(row: SheetRow, number: int, merge: MergedRange, value: SheetCell | None, *, fills: bool) -> None:
    if value is None:
        return  # the merge as a whole is empty
    for column in range(merge.first_column, merge.last_column + 1):
        if (number, column) != (merge.first_row, merge.first_column):
            row[column] = value if fills else _COVERED
