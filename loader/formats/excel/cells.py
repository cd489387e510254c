"""Read the cells of a sheet from its XML: the kind of each value, and its exact text.

Rules kept here:

1. A number is the double that Excel uses, written with the fewest digits that give this double. A whole
   number keeps all digits that the file has.
2. A number is a date only if its cell has a date format. A date is written as ISO 8601, without a time if the
   time is midnight. Excel counts time to the millisecond.
3. A cell without a value is left out. An empty text does not count as a value.
"""

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple
from xml.etree.ElementTree import Element, iterparse

from loader.formats.excel.workbook import Sheet, column_of, text_of, unescaped

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_WHOLE = re.compile(r"-?[0-9]+")

_TRUTHS = {"1": "true", "true": "true", "0": "false", "false": "false"}

_LEAP_DAY_1900 = 60
"""The day number of 1900-02-29. Excel counts this day, but the calendar does not have it."""

_NO_DATE = "#####"
"""The text that Excel shows for a number that is not a date."""

_EXACT_WHOLE = 2.0**53
"""A whole double below this is written without a point or an exponent."""


class CellKind(Enum):
    """The kind of a cell. The values are the words for users."""

    TEXT = "a text"
    NUMBER = "a number"
    TRUTH = "true or false"
    DATE = "a date or time"
    ERROR = "an error"
    FORMULA = "a formula"
    """A formula without a stored value: the program that wrote the file does not calculate."""

    COVERED = "a merged cell"
    """A merged cell that is not the first of its range. Only the first cell has the value."""


class SheetCell(NamedTuple):
    """A cell with a value, an error or a formula.

    Attributes:
        kind: Its kind.
        text: Its value as text, or the name of an error.
        style: Number of its cell format.
        stored: The number as the file has it; empty for other kinds of values.
    """

    kind: CellKind
    text: str
    style: int = 0
    stored: str = ""


SheetRow = dict[int, SheetCell]
"""The cells of a row that are not empty, by column number from 1."""


def sheet_rows(sheet: Sheet, texts: Sequence[str]) -> Iterator[tuple[int, SheetRow]]:
    """Yield the number (from 1) and the cells of each row in the file. The file may omit rows without cells.

    Args:
        sheet: The sheet.
        texts: The shared texts of its workbook.

    Raises:
        ParseError: The XML is damaged.
        KeyError: A truth value is neither true nor false.
        ValueError: Rows are not in order, two cells have the same place, or a cell refers to a text that does
            not exist.
    """
    number = 0
    rows: Element | None = None
    with sheet.open() as part:
        for event, element in iterparse(part, ("start", "end")):  # noqa: S314 - expat bounds what entities grow to
            name = element.tag.rpartition("}")[2]
            if event == "start":
                rows = element if name == "sheetData" else rows
            elif name == "row":
                before, number = number, int(element.get("r") or number + 1)
                if number <= before:
                    raise ValueError("rows are not in order")
                yield number, _row(element, number, sheet, texts)
                if rows is not None:
                    rows.clear()  # otherwise the elements of all earlier rows would stay in memory
            elif name == "sheetData":
                return


def _row(element: Element, number: int, sheet: Sheet, texts: Sequence[str]) -> SheetRow:
    row: SheetRow = {}
    column = 0
    for each in element:
        if not each.tag.endswith("}c"):
            continue
        reference = _REFERENCE.fullmatch(each.get("r", ""))
        column = column_of(reference[1]) if reference else column + 1
        if reference and int(reference[2]) != number:
            raise ValueError("a cell is in another row")
        cell = _cell(each, sheet, texts)
        if cell is not None and row.setdefault(column, cell) is not cell:
            raise ValueError("two cells have the same place")
    return row


def _cell(element: Element, sheet: Sheet, texts: Sequence[str]) -> SheetCell | None:
    kind = element.get("t", "n")
    style = int(element.get("s", 0))
    if kind == "inlineStr":
        texts_in = [text_of(each) for each in element if each.tag.endswith("}is")]
        return SheetCell(CellKind.TEXT, texts_in[0], style) if texts_in and texts_in[0] else None
    value: str | None = None
    is_formula = False
    for each in element:
        if each.tag.endswith("}v"):
            value = each.text or ""
        is_formula |= each.tag.endswith("}f")
    if not value:
        # A calculated empty text is stored as an empty text. Any other calculated formula has a value.
        is_calculated = kind == "str" and value is not None
        return SheetCell(CellKind.FORMULA, "", style) if is_formula and not is_calculated else None
    if kind == "s":
        text = texts[_index(value)]
        return SheetCell(CellKind.TEXT, text, style) if text else None
    return _typed(kind, value, style, sheet)


def _index(value: str) -> int:
    index = int(value)
    if index < 0:
        raise ValueError("a cell refers to a text before the first one")
    return index


def _typed(kind: str, value: str, style: int, sheet: Sheet) -> SheetCell:
    """Return a cell whose value is in its own element, not in the shared texts."""
    match kind:
        case "str":
            return SheetCell(CellKind.TEXT, unescaped(value), style)
        case "b":
            return SheetCell(CellKind.TRUTH, _TRUTHS[value], style)
        case "e":
            return SheetCell(CellKind.ERROR, value, style)
        case "d":
            return _date(_day_number(value, sheet), style, sheet)
    return _date(value, style, sheet) if style in sheet.dates else _number(value, style)


def _number(value: str, style: int) -> SheetCell:
    if "_" in value or not value.isascii():  # Python reads more than XML permits
        raise ValueError("a cell has a malformed number")
    if not math.isfinite(float(value)):
        return SheetCell(CellKind.ERROR, "#NUM!", style)
    return SheetCell(CellKind.NUMBER, _digits(value), style, value)


def _digits(value: str) -> str:
    if _WHOLE.fullmatch(value):
        return str(int(value))
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < _EXACT_WHOLE else repr(number)


def _day_number(text: str, sheet: Sheet) -> str:
    from openpyxl.utils.datetime import from_ISO8601, to_excel  # noqa: PLC0415 - an extra

    return str(to_excel(from_ISO8601(text), sheet.epoch))


def _date(value: str, style: int, sheet: Sheet) -> SheetCell:
    from openpyxl.utils.datetime import WINDOWS_EPOCH, from_excel  # noqa: PLC0415 - an extra

    number, is_duration = float(value), style in sheet.durations
    is_no_day = sheet.epoch == WINDOWS_EPOCH and _LEAP_DAY_1900 <= number < _LEAP_DAY_1900 + 1
    if not is_duration and (is_no_day or number < 0):
        return SheetCell(CellKind.ERROR, _NO_DATE, style)
    try:
        moment = from_excel(number, sheet.epoch, timedelta=is_duration)
    except (OverflowError, ValueError):
        return SheetCell(CellKind.ERROR, _NO_DATE, style)
    match moment:
        case dt.timedelta():
            text = _duration(moment)
        case dt.datetime() if moment.time() == dt.time():
            text = moment.date().isoformat()
        case _:
            text = moment.isoformat()
    return SheetCell(CellKind.DATE, text, style, value)


def _duration(length: dt.timedelta) -> str:
    """Return hours, minutes and seconds: ``26:30:00``."""
    seconds = abs(length) // dt.timedelta(seconds=1)
    rest = f".{abs(length).microseconds:06}".rstrip("0").rstrip(".")
    sign = "-" if length < dt.timedelta() else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{rest}"
