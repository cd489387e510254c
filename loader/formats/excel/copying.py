"""Copy rows of a sheet to a new workbook, for correction and a later load with the same settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.formats.excel.cells import CellKind, SheetCell, SheetRow
from loader.formats.excel.workbook import ESCAPED, Sheet

_CONTROL = {
    number: f"_x{number:04X}_"
    for number in (*range(9), 11, 12, *range(13, 32))  # not tab and line feed
}
"""The escapes in a workbook for characters that XML does not allow or does not preserve."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a sheet.

    Attributes:
        row: Number of the row, from 1.
        names: The names of the columns, by number from 1.
    """

    row: int
    names: Mapping[int, str]


def copy_sheet_rows(
    sheet: Sheet, header: Header, cells: Iterable[SheetRow], rows: Iterator[int], path: Path
) -> None:
    """Write some rows to a new workbook. Cells keep their columns, types and number formats.

    An error stays an error. A formula without a value and a merged cell other than the first become empty.

    Args:
        sheet: The sheet of the rows.
        header: Its header.
        cells: The rows of the sheet below the header.
        rows: Positions of the rows to write, ascending.
        path: The new workbook.

    Raises:
        OSError: It cannot be written.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - an extra

    book: Any = Workbook(write_only=True)
    book.epoch = sheet.epoch
    target = book.create_sheet(sheet.name)
    try:
        for row in _rows_to_write(header, cells, rows):
            target.append(_cells(target, sheet, row))
        book.save(path)
    finally:
        if not target.closed:  # after a failure, its generator would end with a message on stderr
            target.close()


def _rows_to_write(header: Header, cells: Iterable[SheetRow], rows: Iterator[int]) -> Iterator[SheetRow]:
    """Yield empty rows up to the header, the header, and the rows at the positions."""
    yield from ({} for _ in range(header.row - 1))
    yield {number: SheetCell(CellKind.TEXT, name) for number, name in header.names.items()}
    row = next(rows, None)
    for position, values in enumerate(cells):
        if row is None:
            return
        if position == row:
            yield values
            row = next(rows, None)


def _cells(target: Any, sheet: Sheet, row: SheetRow) -> list[Any]:
    return [_cell(target, sheet, row.get(number)) for number in range(1, max(row, default=0) + 1)]


def _cell(target: Any, sheet: Sheet, cell: SheetCell | None) -> Any:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - an extra

    if cell is None or cell.kind in (CellKind.COVERED, CellKind.FORMULA):
        return None
    value, data_type = _stored(cell)
    written = WriteOnlyCell(target)
    # Set directly, because openpyxl would turn a text that begins with "=" into a formula.
    written._value, written.data_type = value, data_type  # noqa: SLF001
    if cell.style < len(sheet.formats):
        written.number_format = sheet.formats[cell.style]
    return written


def _stored(cell: SheetCell) -> tuple[object, str]:
    """Return the value of a cell as openpyxl writes it, and the letter of its type."""
    match cell.kind:
        case CellKind.TEXT:
            return _escaped(cell.text), "s"
        case CellKind.ERROR:
            return cell.text, "e"
        case CellKind.TRUTH:
            return cell.text == "true", "b"
    return cell.stored, "n"


def _escaped(text: str) -> str:
    return ESCAPED.sub(lambda match: f"_x005F{match[0]}", text).translate(_CONTROL)
