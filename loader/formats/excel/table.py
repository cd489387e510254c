"""The rows of one sheet of a workbook, read forward in blocks."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl

from loader.errors import ExtractError, NothingToLoad
from loader.formats.comma_columns import NO_COMMAS, CommaColumns
from loader.formats.cuts import FileCut
from loader.formats.excel.cells import SheetRow, sheet_rows
from loader.formats.excel.columns import RowBlock, first_values, header_names, refuse_title
from loader.formats.excel.copying import Header, copy_sheet_rows
from loader.formats.excel.merging import covered
from loader.formats.excel.workbook import opened_sheet, scan, shared_texts
from loader.formats.nameless import empty_columns_note
from loader.formats.rows import Rows
from loader.formats.window_cutter import cut_blocks
from loader.formats.windows import Piece, Table, mean_row_bytes
from loader.job import ExcelSettings
from loader.model import SourceFile
from loader.sources.local_paths import S3_SCHEME

_BLOCK_ROWS = 2048
"""Rows that are parsed at a time."""

_TITLE_ROWS = 200
"""Number of first rows that are examined for a title above the header."""

_SIZING_ROWS = 1000
"""Number of first rows from which the size of rows is estimated."""


class ExcelTable:
    """One sheet of a workbook. All columns are text; the kind of a cell decides which columns accept it.

    Args:
        file: The workbook.
        settings: The sheet, and how to read it.

    Raises:
        NothingToLoad: The sheet has no rows below its header.
        ExtractError: The workbook or its header cannot be used.
    """

    def __init__(self, file: SourceFile, settings: ExcelSettings) -> None:
        if file.path.startswith(S3_SCHEME):
            raise ExtractError(
                "Excel workbooks are not read from S3.",
                where=file.path,
                next_step="copy it to this machine, or save the sheet as CSV",
            )
        self._settings = settings
        self._text_columns: Collection[str] = ()
        self._empty_columns: Sequence[str] = ()
        self._commas = NO_COMMAS
        with opened_sheet(file.path, settings) as sheet:
            self._sheet_name = sheet.name
            self._merges, self._hidden_rows = scan(sheet)
        self.file = replace(file, rows_before=settings.header_row)
        self._names: Mapping[int, str] = {}
        head = self._head(_TITLE_ROWS)
        if not head:
            raise NothingToLoad(
                "The sheet has no rows.",
                where=file.path,
                next_step="name the sheet that has the rows with --excel-sheet",
            )
        if "header_row" not in settings.model_fields_set:
            refuse_title(file.path, self._names, head)
        self.nameless = first_values(self._names, head, settings.header_row)
        self.schema: Mapping[str, pl.DataType] = dict.fromkeys(self._names.values(), pl.String())
        unknown = [name for name in settings.as_text if name not in self.schema]
        if unknown:
            raise ExtractError(
                f"The sheet has no column '{unknown[0]}'.",
                where=f"excel.as_text, {file.path}",
                next_step="names must be spelled as in the sheet",
            )

    def feed_text(self, columns: Collection[str]) -> None:
        """Set the columns that feed texts: other values in them reject their rows."""
        self._text_columns = frozenset(columns) - set(self._settings.as_text)

    def require_empty(self, columns: Sequence[str]) -> None:
        """Set the columns in which a value rejects its row."""
        self._empty_columns = tuple(columns)

    def feed_commas(self, columns: CommaColumns) -> None:
        """Set the columns whose texts have a decimal comma."""
        self._commas = columns

    @property
    def words(self) -> str:
        """The format in words."""
        return f"Excel, sheet '{self._sheet_name}', names in row {self._settings.header_row:,}"

    @property
    def advice(self) -> Sequence[str]:
        """Notes on empty columns, and on rows that Excel hides."""
        numbers = [number for number, name in self._names.items() if name in self._empty_columns]
        notes = [empty_columns_note(self.file.path, numbers)] if numbers else []
        if not self._hidden_rows:
            return notes
        rows = "1 row" if self._hidden_rows == 1 else f"{self._hidden_rows:,} rows"
        verb = "is" if self._hidden_rows == 1 else "are"
        hidden = f"{rows} of {self.file.path} {verb} hidden in Excel (by a filter?) and loaded nevertheless."
        return [*notes, hidden]

    def has_rows(self) -> bool:
        """Return True: a sheet without rows is refused."""
        return True

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, from the first rows."""
        return mean_row_bytes(RowBlock(self._head(_SIZING_ROWS), self._names, ()).parse(columns)[0])

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        with closing(self._read_rows()) as rows:
            blocks = iter(lambda: list(islice(rows, _BLOCK_ROWS)), [])
            rows_of = partial(
                RowBlock,
                names=self._names,
                text_columns=self._text_columns,
                empty_columns=self._empty_columns,
                commas=self._commas,
            )
            return (yield from cut_blocks(self.file, cut, map(rows_of, blocks)))

    def read_whole(
        self,
        others: Sequence[Table],
        columns: Sequence[str],  # noqa: ARG002 - of the protocol
    ) -> Sequence[Rows | None]:
        """Return None for each file: workbooks are read one by one."""
        return [None] * (1 + len(others))

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (by position, ascending) to a new workbook that the same settings read.

        Raises:
            ExtractError: The workbook cannot be read.
            OSError: The new one cannot be written.
        """
        with opened_sheet(self.file.path, self._settings) as sheet:
            header = self._header
        # Outside the block, which would report a failed write as damage of the workbook.
        copy_sheet_rows(sheet, header, self._read_rows(), rows, path)

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """No settings: copied rows are read with the settings of the workbook."""
        return {}

    def _head(self, rows: int) -> Sequence[SheetRow]:
        """Return the first rows. They are not kept, because an extract may have many files."""
        with closing(self._read_rows()) as head:
            return list(islice(head, rows))

    @property
    def _header(self) -> Header:
        return Header(self._settings.header_row, self._names)

    def _read_rows(self) -> Generator[SheetRow, None, None]:
        """Yield the cells of each row below the header, including empty rows before the last used row."""
        with opened_sheet(self.file.path, self._settings) as sheet:
            texts = shared_texts(self.file.path, sheet.archive)
            last = self._settings.header_row
            is_named = False
            for number, row in covered(sheet_rows(sheet, texts), self._merges, fills=self._fills):
                if number < self._settings.header_row:
                    continue
                if not is_named:
                    header = row if number == self._settings.header_row else {}
                    self._names = header_names(self.file.path, header, self._settings.header_row)
                    is_named = True
                elif row:
                    yield from ({} for _ in range(last + 1, number))
                    yield row
                    last = number
            if not is_named:
                header_names(self.file.path, {}, self._settings.header_row)

    @property
    def _fills(self) -> bool:
        return self._settings.merged_cells == "fill"
