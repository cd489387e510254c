"""Open a workbook: choose its sheet, and read its texts, cell formats and merged cells.

The package ``openpyxl`` (extra ``excel``) reads the list of sheets, the number formats and the first day of
the calendar. ``cells`` reads the cells: openpyxl's own reader does not distinguish a formula without a
stored value from a formula whose value is an empty text.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, iterparse
from zipfile import BadZipFile, ZipFile

from loader.errors import ExtractError
from loader.job import ExcelSettings

_MOST_TEXT_BYTES = 2**30
"""Maximum bytes of the texts of a workbook, as XML. They are in memory while a sheet is read."""

_SHOWN_SHEETS = 10

ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""The escape of a character that XML does not allow (ECMA-376 part 1, section 22.9.2.19)."""

_MERGED_CELLS = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*?\bref=[\"']([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)[\"']")
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?\bhidden=[\"'](?:1|true)[\"']")
_SCAN_BYTES = 2**20
_LONGEST_TAG_BYTES = 2**12

_DAMAGED = (
    BadZipFile,
    IndexError,
    KeyError,
    ParseError,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
)
"""The exceptions of openpyxl, zipfile and the XML parser for a damaged workbook."""


@dataclass(frozen=True, slots=True)
class MergedRange:
    """A range of merged cells. Only the first cell has a value. Rows and columns count from 1.

    Attributes:
        first_row: Number of its first row.
        last_row: Number of its last row.
        first_column: Number of its first column.
        last_column: Number of its last column.
    """

    first_row: int
    last_row: int
    first_column: int
    last_column: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of an open workbook.

    Attributes:
        name: Its name.
        archive: The workbook.
        part: Name of its part in the archive.
        epoch: The first day of its calendar.
        dates: Numbers of the cell formats for dates or times.
        durations: Numbers of the cell formats for durations.
        formats: The number format of each cell format, by its number.
    """

    name: str
    archive: ZipFile
    part: str
    epoch: datetime
    dates: frozenset[int]
    durations: frozenset[int]
    formats: Sequence[str] = field(repr=False)

    def open(self) -> IO[bytes]:
        """Open the XML of the sheet."""
        return self.archive.open(self.part)


def can_read_excel() -> bool:
    """Return whether the package that reads workbooks is installed."""
    return find_spec("openpyxl") is not None


@contextmanager
def opened_sheet(path: str, settings: ExcelSettings) -> Iterator[Sheet]:
    """Open the sheet of a workbook that the settings name, or the only one.

    Raises:
        ExtractError: The extra is not installed, the file is damaged, or the sheet is not clear.
    """
    if not can_read_excel():
        raise ExtractError(
            "Excel workbooks need a package that is not installed.",
            where=path,
            why="the extra 'excel' is missing",
            next_step="pip install 'scn-loader[excel]'",
        )
    from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415 - an extra that takes 0.2 s to import

    try:
        with Path(path).open("rb") as file:
            reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
            reader.read_manifest()
            reader.read_workbook()
            yield _sheet(path, reader, settings)
    except _DAMAGED as error:
        raise ExtractError(
            "The Excel workbook cannot be read.",
            where=path,
            why=f"it is damaged, or it is not an .xlsx workbook ({type(error).__name__})",
            next_step="open it in Excel and save it again as an Excel workbook (.xlsx)",
        ) from error


def _sheet(path: str, reader: Any, settings: ExcelSettings) -> Sheet:
    from openpyxl.styles.numbers import is_date_format, is_timedelta_format  # noqa: PLC0415 - an extra

    sheets = {
        sheet.name: (relation.Target, sheet.state)
        for sheet, relation in reader.parser.find_sheets()
        if relation.Type.endswith("/worksheet")
    }
    name = _chosen(path, sheets, settings)
    formats = _cell_formats(reader.archive)
    return Sheet(
        name,
        reader.archive,
        sheets[name][0],
        reader.wb.epoch,
        frozenset(number for number, each in enumerate(formats) if is_date_format(each)),
        frozenset(number for number, each in enumerate(formats) if is_timedelta_format(each)),
        formats,
    )


def _cell_formats(archive: ZipFile) -> Sequence[str]:
    """Return the number format of each cell format, by its number.

    Other parts of the styles are not read, because they do not affect values. Faults in them are harmless.
    """
    from openpyxl.styles.numbers import BUILTIN_FORMATS  # noqa: PLC0415 - an extra

    name = _member(archive, "xl/styles.xml")
    if name is None:
        return ()
    formats = dict(BUILTIN_FORMATS)
    numbers: list[int] = []
    with archive.open(name) as part:
        for _, element in iterparse(part):  # noqa: S314 - expat bounds what entities grow to
            if element.tag.endswith("}numFmt") and element.get("numFmtId") is not None:
                formats[int(element.get("numFmtId", 0))] = element.get("formatCode", "General")
            elif element.tag.endswith("}cellXfs"):
                numbers = [int(each.get("numFmtId", 0)) for each in element]
    return [formats.get(number, "General") for number in numbers]


def _member(archive: ZipFile, name: str) -> str | None:
    """Return the name of a member as the archive spells it, or None."""
    return next((each for each in archive.namelist() if each.lower() == name), None)


def _chosen(path: str, sheets: dict[str, tuple[str, str]], settings: ExcelSettings) -> str:
    if settings.sheet is not None:
        if settings.sheet in sheets:
            return settings.sheet
        raise _unclear(path, f"it has no sheet '{settings.sheet}'", list(sheets))
    visible = [name for name, (_, state) in sheets.items() if state == "visible"]
    if len(visible) != 1:
        why = f"it has {len(visible)} sheets, and each may hold rows" if visible else "all are hidden"
        raise _unclear(path, why, visible or list(sheets))
    return visible[0]


def _unclear(path: str, why: str, names: Sequence[str]) -> ExtractError:
    shown = ", ".join(map(repr, names[:_SHOWN_SHEETS])) + (" ..." if len(names) > _SHOWN_SHEETS else "")
    return ExtractError(
        "It is not clear which sheet of the workbook to load.",
        where=path,
        why=why,
        next_step=f"name one with --excel-sheet (sheet in the [excel] table of a job file): {shown}",
    )


def shared_texts(path: str, archive: ZipFile) -> list[str]:
    """Return the texts that the cells of a workbook refer to by number.

    Raises:
        ExtractError: They would need too much memory.
    """
    name = _member(archive, "xl/sharedstrings.xml")
    if name is None:
        return []
    if archive.getinfo(name).file_size > _MOST_TEXT_BYTES:
        raise ExtractError(
            "The texts of the workbook do not fit into memory.",
            where=path,
            why=f"they take more than {_MOST_TEXT_BYTES // 2**20:,} MiB",
            next_step="save the sheet as CSV UTF-8, and load that file",
        )
    texts = []
    with archive.open(name) as part:
        for _, element in iterparse(part):  # noqa: S314 - expat bounds what entities grow to
            if element.tag.endswith("}si"):
                texts.append(text_of(element))
                element.clear()
    return texts


def text_of(item: Element) -> str:
    """Return the text of a shared or inline text: its runs, without the phonetic ones."""
    runs = [item, *(each for each in item if each.tag.endswith("}r"))]
    return unescaped("".join(each.text or "" for run in runs for each in run if each.tag.endswith("}t")))


def unescaped(text: str) -> str:
    """Return a text without escapes. Half a surrogate pair stays escaped."""
    return ESCAPED.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return match[0] if 0xD800 <= number <= 0xDFFF else chr(number)  # noqa: PLR2004 - surrogates


def scan(sheet: Sheet) -> tuple[list[MergedRange], int]:
    """Return the merged ranges of a sheet, ordered by their first row, and the number of hidden rows.

    The XML has the merged ranges after the rows, so all of it is searched once.
    """
    merges: list[MergedRange] = []
    hidden = 0
    with sheet.open() as part:
        rest = b""
        while chunk := part.read(_SCAN_BYTES):
            text = rest + chunk
            # The end of the chunk may cut a tag, so the text after the last ">" is searched again.
            end = text.rfind(b">") + 1
            merges += [_merge(match) for match in _MERGED_CELLS.finditer(text, 0, end)]
            hidden += sum(1 for _ in _HIDDEN_ROW.finditer(text, 0, end))
            rest = text[end:][-_LONGEST_TAG_BYTES:]
    return sorted(merges, key=lambda merge: merge.first_row), hidden


def _merge(match: re.Match[bytes]) -> MergedRange:
    return MergedRange(
        int(match[2]), int(match[4]), column_of(match[1].decode()), column_of(match[3].decode())
    )


def column_of(letters: str) -> int:
    """Return the number of a column, from 1, by its letters: ``A`` is 1, ``AA`` is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
