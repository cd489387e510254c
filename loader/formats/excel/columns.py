"""The columns of a sheet, from its header row, and the rows below it as texts.

Rules kept here:

1. A column that feeds texts takes texts only: Excel turns a code such as 000043 into the number 43 when it is
   typed into a cell, and MAR-1 into a date. A setting names the columns in which such values are right.
2. An error, a formula without a stored value, and a merged cell other than the first one are not values. If
   the column is needed, the row is rejected.
3. A row without any value is left out and counted as filtered.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from loader.errors import ExtractError
from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.comma_columns import NO_COMMAS, CommaColumns
from loader.formats.excel.cells import CellKind, SheetCell, SheetRow
from loader.formats.nameless import is_by_position, name_by_position, value_without_name
from loader.formats.titles import rows_above_table
from loader.reject_code import RejectCode

_VALUES = frozenset({CellKind.TEXT, CellKind.NUMBER, CellKind.TRUTH, CellKind.DATE})
"""Kinds of cells that hold a value."""

_BLANK = RecordFault(RejectCode.WRONG_FIELD_COUNT, "the row is empty")


def header_names(path: str, row: SheetRow, header_row: int) -> dict[int, str]:
    """Return the names of the columns by their number, from the cells of the header row.

    Raises:
        ExtractError: The row is empty, or two columns have the same name.
    """
    if not any(cell.kind in _VALUES for cell in row.values()):
        raise ExtractError(
            "The sheet has no header.",
            where=f"{path}, row {header_row:,}",
            why="the row with the column names is empty",
            next_step="set the row of the column names with --excel-header-row, counted from 1 as in Excel",
        )
    names = {number: _name(row.get(number), number) for number in range(min(row), max(row) + 1)}
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise ExtractError(
            "Columns of the sheet have the same name.",
            where=f"{path}, row {header_row:,}",
            why=f"more than one column has the name {', '.join(map(repr, twice[:5]))}",
            next_step="give each column of the sheet a different name",
        )
    return names


def refuse_title(path: str, names: Mapping[int, str], rows: Sequence[SheetRow]) -> None:
    """Check that the first row of a sheet names the columns of its table.

    Args:
        path: The workbook.
        names: The names that the first row would give, by column.
        rows: The rows below it.

    Raises:
        ExtractError: The first row seems to be a title.
    """
    named = sum(name != _name(None, number) for number, name in names.items())
    used = [sum(cell.kind in _VALUES for cell in row.values()) for row in rows]
    above = rows_above_table([named, *used])
    if above:
        lines = "the first row is a title" if above == 1 else f"the first {above} rows are a title"
        raise ExtractError(
            "The first row of the sheet does not seem to be its header.",
            where=path,
            why="it does not have values in as many columns as the rows below it",
            next_step="choose the one that applies (in a job file: header_row of [excel]):"
            f"\n  --excel-header-row {above + 1:<3} {lines}"
            "\n  --excel-header-row 1   the first row is the header",
        )


def _name(cell: SheetCell | None, number: int) -> str:
    text = cell.text.strip() if cell is not None and cell.kind in _VALUES else ""
    return text or name_by_position(number)


def first_values(
    names: Mapping[int, str], rows: Sequence[SheetRow], header_row: int
) -> dict[str, int | None]:
    """Return the columns without a name: row of the sheet with the first value of each, or None."""
    return {
        name: next(
            (
                position
                for position, row in enumerate(rows, start=header_row + 1)
                if number in row and row[number].kind is not CellKind.COVERED
            ),
            None,
        )
        for number, name in names.items()
        if is_by_position(name)
    }


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a sheet, from one position to another.

    Attributes:
        cells: The cells of each row, by column number.
        names: The columns by number.
        text_columns: Columns that feed texts. Another value in one of them rejects its row.
        empty_columns: Columns in which a value rejects its row.
        commas: Columns whose texts have a decimal comma.
    """

    cells: Sequence[SheetRow]
    names: Mapping[int, str]
    text_columns: Collection[str]
    empty_columns: Collection[str] = ()
    commas: CommaColumns = NO_COMMAS

    @property
    def rows(self) -> int:
        """Number of its rows."""
        return len(self.cells)

    def parse(self, columns: Sequence[str]) -> tuple[pl.DataFrame, list[BadRecord]]:
        """Return the named columns of all rows as text, and the rows that cannot be used."""
        numbers = {name: number for number, name in self.names.items()}
        wanted = [(name, numbers[name], name in self.text_columns) for name in columns]
        bad: list[BadRecord] = []
        values: list[list[str | None]] = [[] for _ in columns]
        for index, row in enumerate(self.cells):
            fault = self._fault(row, wanted)
            if fault is not None:
                bad.append(BadRecord(index, fault, _shown(row), left_out=fault is _BLANK))
            for column, (name, number, _) in zip(values, wanted, strict=True):
                cell = row.get(number) if fault is None else None
                column.append(None if cell is None else self._text(name, cell))
        frame = pl.DataFrame(
            {name: pl.Series(name, texts, pl.String) for name, texts in zip(columns, values, strict=True)}
        )
        return frame, bad

    def _text(self, name: str, cell: SheetCell) -> str:
        return self.commas.written(name, cell.text) if cell.kind is CellKind.NUMBER else cell.text

    def _fault(self, row: SheetRow, wanted: Sequence[tuple[str, int, bool]]) -> RecordFault | None:
        """Return why a row cannot be used, or None."""
        if not any(cell.kind is not CellKind.COVERED for cell in row.values()):
            return _BLANK
        for name, number, is_text in wanted:
            cell = row.get(number)
            if cell is None or cell.kind is CellKind.TEXT:
                continue
            fault = _cell_fault(name, cell, is_text=is_text)
            if fault is None and cell.kind is CellKind.NUMBER:
                fault = self.commas.fault(name, cell.text)
            if fault is not None:
                return fault
        for number, cell in row.items():
            is_named = number in self.names and self.names[number] not in self.empty_columns
            if not is_named and cell.kind is not CellKind.COVERED:
                return value_without_name(number)
        return None


def _cell_fault(name: str, cell: SheetCell, *, is_text: bool) -> RecordFault | None:
    match cell.kind:
        case CellKind.ERROR:
            return RecordFault(RejectCode.CELL_ERROR, f"the cell holds the error {cell.text}", name)
        case CellKind.FORMULA:
            reason = "the cell holds a formula whose value is not stored: open the file in Excel and save it"
            return RecordFault(RejectCode.NO_FORMULA_VALUE, reason, name)
        case CellKind.COVERED:
            reason = 'the cell is merged with another one (excel.merged_cells = "fill" copies the value)'
            return RecordFault(RejectCode.MERGED_CELL, reason, name)
    if is_text:
        lost = ": leading zeros may be lost" if cell.kind is CellKind.NUMBER else ""
        reason = (
            f"the cell holds {cell.kind.value}, and the column feeds a text{lost}"
            " (excel.as_text names columns in which such cells are accepted)"
        )
        return RecordFault(RejectCode.NOT_A_TEXT, reason, name)
    return None


def _shown(row: SheetRow) -> str:
    return ", ".join(row[number].text for number in sorted(row))
