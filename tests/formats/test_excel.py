"""Excel workbooks: what each cell holds, judged by openpyxl's own reader and by calamine."""

import datetime as dt
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from loader.errors import ExtractError, NothingToLoad
from loader.extract.find_files import find_files
from loader.formats.cuts import Cuts, FileCut
from loader.formats.excel.table import ExcelTable
from loader.formats.windows import Piece
from loader.job import ExcelSettings
from tests.formats.workbooks import raw_workbook, text_row, workbook
from tests.thoroughness import examples


def opened(path: Path, **settings: Any) -> ExcelTable:
    (file,) = find_files([str(path)])
    assert file.format == "xlsx"
    return ExcelTable(file, ExcelSettings(**settings))


def pieces_of(table: ExcelTable, slice_rows: int = 1000) -> list[Piece]:
    cut = FileCut(tuple(table.schema), Cuts(slice_rows, slice_rows, slice_rows), 0, lambda _: True)
    with closing(table.pieces(cut)) as pieces:
        return list(pieces)


def rows_of(table: ExcelTable, slice_rows: int = 1000) -> list[tuple[str | None, ...]]:
    return pl.concat([piece.frame for piece in pieces_of(table, slice_rows)]).rows()


def faults_of(table: ExcelTable) -> dict[int, tuple[str, str]]:
    """Code and column of the rows that cannot be read, by their number in the sheet."""
    return {
        table.file.row_number(piece.first_row + bad.index): (bad.fault.code.value, bad.fault.column)
        for piece in pieces_of(table)
        for bad in piece.bad
        if not bad.left_out
    }


def as_text(value: object) -> str | None:
    """The text that a value of openpyxl or calamine should have here."""
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
    return str(value)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    max_size=12,
)
VALUES = (
    st.none()
    | TEXTS
    | st.sampled_from(["000043", "=1+1", "_x000D_", "a\nb", " x ", "1,5", "TRUE"])
    | st.integers(-(10**14), 10**14)
    | st.floats(-1e300, 1e300)
    | st.booleans()
    | st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2200, 1, 1)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    )
    | st.dates(dt.date(1901, 1, 1), dt.date(2200, 1, 1))
)


@settings(max_examples=examples(25, 300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6))
def test_every_value_is_that_of_other_readers(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    """Texts, numbers, dates and truth values, as openpyxl and calamine read them; empty rows are left out."""
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    page.append(["a", "b", "c"])
    for number, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            cell = page.cell(number, column)
            cell.value = value
            if isinstance(value, str) and value:
                cell.data_type = "s"
    page.cell(len(rows) + 2, 1, "end")
    book.save(path)
    found = rows_of(opened(path))
    read = openpyxl.load_workbook(path, data_only=True).active
    expected = [tuple(map(as_text, row)) for row in read.iter_rows(min_row=2, values_only=True)]
    escaped = [row for row in expected if any("_x" in (text or "") for text in row)]
    if not escaped:
        assert found == expected
    assert len(found) == len(rows) + 1
    with path.open("rb") as file:
        by_calamine = (
            CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python(skip_empty_area=False)
        )
    texts = [
        tuple(value if isinstance(value, str) and value else None for value in row) for row in by_calamine[1:]
    ]
    for ours, theirs in zip(found, texts, strict=True):
        assert [mine for mine, other in zip(ours, theirs, strict=True) if other] == [
            each for each in theirs if each
        ]


def test_escaped_characters_are_themselves(tmp_path: Path) -> None:
    """_x000D_ is a carriage return, _x005F_x000D_ the text _x000D_; runs make one text, phonetics none."""
    texts = [
        "<t>a_x000D_b</t>",
        "<t>_x005F_x000D_</t>",
        "<r><t>ru</t></r><r><t>ns</t></r><rPh><t>no</t></rPh>",
    ]
    cells = "".join(f'<c t="s"><v>{number}</v></c>' for number in range(3))
    path = raw_workbook(
        tmp_path / "x.xlsx", text_row(1, "a", "b", "c") + f'<row r="2">{cells}</row>', texts=texts
    )
    assert rows_of(opened(path)) == [("a\rb", "_x000D_", "runs")]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c s="1"><v>45322</v></c>', "2024-01-31"),
        ('<c s="2"><v>45322.5</v></c>', "2024-01-31T12:00:00"),
        ('<c s="2"><v>45322.000011574074</v></c>', "2024-01-31T00:00:01"),
        ('<c s="1"><v>1</v></c>', "1900-01-01"),
        ('<c s="1"><v>61</v></c>', "1900-03-01"),
        ('<c s="2"><v>0.75</v></c>', "18:00:00"),
        ('<c s="3"><v>1.1041666666666667</v></c>', "26:30:00"),
        ("<c><v>0.30000000000000004</v></c>", "0.30000000000000004"),
        ("<c><v>19.989999999999998</v></c>", "19.99"),
        ("<c><v>1.0000000000000001E-5</v></c>", "1e-05"),
        ("<c><v>1E+3</v></c>", "1000"),
        ("<c><v>12345678901234567890</v></c>", "12345678901234567890"),
        ('<c t="b"><v>1</v></c>', "true"),
        ('<c t="str"><f>A1</f><v>x</v></c>', "x"),
        ('<c t="str"><f>A1</f><v></v></c>', None),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ('<c t="d"><v>2024-01-31T10:00:00</v></c>', "2024-01-31T10:00:00"),
        ('<c t="inlineStr"><is><t>000043</t></is></c>', "000043"),
    ],
)
def test_a_cell_has_the_text_of_its_value(tmp_path: Path, cell: str, text: str | None) -> None:
    """Dates by the format of the cell, numbers as the double of Excel, formulas by their stored value."""
    row = f'<row r="2"><c t="inlineStr"><is><t>k</t></is></c>{cell}</row>'
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "key", "value") + row)
    assert rows_of(opened(path)) == [("k", text)]


def test_dates_of_the_1904_calendar(tmp_path: Path) -> None:
    """Old Macs count days from 1904."""
    row = '<row r="2"><c s="1"><v>43860</v></c></row>'
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "day") + row, date1904=True)
    assert rows_of(opened(path)) == [("2024-01-31",)]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c t="e"><v>#N/A</v></c>', "CellError"),
        ("<c><v>1E+400</v></c>", "CellError"),
        ("<c><f>1+1</f></c>", "NoFormulaValue"),
        ("<c><f>1+1</f><v></v></c>", "NoFormulaValue"),
        ('<c t="str"><f>A1</f></c>', "NoFormulaValue"),
        ('<c s="1"><v>60</v></c>', "CellError"),
        ('<c s="1"><v>-1</v></c>', "CellError"),
        ('<c s="1"><v>99999999</v></c>', "CellError"),
        ("<c/><c><v>1</v></c>", "WrongFieldCount"),
    ],
)
def test_a_cell_without_a_value_rejects_its_row(tmp_path: Path, cell: str, code: str) -> None:
    """Errors, formulas that were never calculated, days that never were, values without a column."""
    row = f'<row r="3"><c t="inlineStr"><is><t>k</t></is></c>{cell}</row>'
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "key", "value") + text_row(2, "a", "b") + row)
    table = opened(path)
    (found,) = faults_of(table).items()
    assert (found[0], found[1][0]) == (3, code)
    assert rows_of(table)[0] == ("a", "b")


def test_a_column_that_feeds_texts_takes_only_texts(tmp_path: Path) -> None:
    """43 is not sent for 000043, nor a date for MAR-1, unless a setting allows it; texts stay as they are."""
    day = dt.date(2024, 3, 1)
    path = workbook(
        tmp_path / "x.xlsx", [("code", "qty"), ("000043", 1), (43, 2), (day, 3), (True, 4), ("POST", 5)]
    )
    table = opened(path)
    table.feed_text(["code"])
    assert faults_of(table) == dict.fromkeys((3, 4, 5), ("NotAText", "code"))
    assert [row for row in rows_of(table) if row[0]] == [("000043", "1"), ("POST", "5")]
    with pytest.raises(ExtractError, match="no column 'Code'"):
        opened(path, as_text=["Code"])
    allowed = opened(path, as_text=["code"])
    allowed.feed_text(["code"])
    assert [row[0] for row in rows_of(allowed)] == ["000043", "43", "2024-03-01", "true", "POST"]


@pytest.mark.parametrize("slice_rows", [1, 2, 1000])
def test_rows_of_merged_cells_are_rejected_or_filled(tmp_path: Path, slice_rows: int) -> None:
    """Only the first cell holds the value: the other rows are rejected, or take it if a setting says so."""
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    for row in [("order", "line"), ("A", 1), (None, 2), (None, 3), ("B", 4)]:
        page.append(row)
    page.merge_cells("A2:A4")
    book.save(path)
    assert faults_of(opened(path)) == {3: ("MergedCell", "order"), 4: ("MergedCell", "order")}
    filled = rows_of(opened(path, merged_cells="fill"), slice_rows)
    assert filled == [("A", "1"), ("A", "2"), ("A", "3"), ("B", "4")]


def test_rows_are_counted_as_excel_counts_them(tmp_path: Path) -> None:
    """A title, an empty row before the header, gaps that the file leaves out, and empty rows at the end."""
    sheet = (
        text_row(1, "Stock of May") + text_row(3, "a", "b") + text_row(4, "1", "2") + text_row(7, "3", "4")
    )
    path = raw_workbook(tmp_path / "x.xlsx", sheet + '<row r="9"/><row r="1048576"/>')
    table = opened(path, header_row=3)
    assert (table.file.row_number(0), rows_of(table)) == (
        4,
        [("1", "2"), (None, None), (None, None), ("3", "4")],
    )
    assert [bad.left_out for piece in pieces_of(table) for bad in piece.bad] == [True, True]


def test_a_title_above_the_header_is_asked_about(tmp_path: Path) -> None:
    """The sheet is not read with the title for its header; both settings named work."""
    table = text_row(4, "id", "qty", "site") + text_row(5, "a", "1", "x") + text_row(6, "b", "2", "y")
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "Stock") + text_row(2, "of May") + table)
    with pytest.raises(ExtractError, match="does not seem") as refused:
        opened(path)
    assert "--excel-header-row 4 " in refused.value.next_step
    assert "--excel-header-row 1 " in refused.value.next_step
    assert list(opened(path, header_row=4).schema) == ["id", "qty", "site"]
    assert list(opened(path, header_row=1).schema) == ["Stock"]
    sparse = text_row(1, "id", "qty", "site") + text_row(2, "a") + text_row(3, "b")
    assert len(opened(raw_workbook(tmp_path / "y.xlsx", sparse)).schema) == 3


def test_hidden_rows_are_loaded_and_reported(tmp_path: Path) -> None:
    """A filter hides rows, and they are rows all the same."""
    hidden = text_row(3, "2").replace("<row ", '<row hidden="1" ')
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "a") + text_row(2, "1") + hidden)
    table = opened(path)
    assert rows_of(table) == [("1",), ("2",)]
    assert "1 row of" in table.advice[0]


def test_the_sheet_must_be_clear(tmp_path: Path) -> None:
    """Of several visible sheets one is named; a hidden one is taken only by its name."""
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Orders"
    book.active.append(["a"])
    book.active.append(["1"])
    notes = book.create_sheet("Notes")
    notes.append(["b"])
    notes.append(["2"])
    book.save(path)
    with pytest.raises(ExtractError, match="not clear") as refused:
        opened(path)
    assert "'Orders', 'Notes'" in refused.value.next_step
    assert rows_of(opened(path, sheet="Notes")) == [("2",)]
    with pytest.raises(ExtractError, match="not clear"):
        opened(path, sheet="orders")
    notes.sheet_state = "hidden"
    book.save(path)
    assert rows_of(opened(path)) == [("1",)]


@pytest.mark.parametrize(
    ("sheet", "what"),
    [
        ("", "no header"),
        (text_row(2, "1"), "no header"),
        (text_row(1, "a"), "no rows"),
        (text_row(1, "a", "a") + text_row(2, "1", "2"), "have the same name"),
        (text_row(1, "a") + text_row(3, "1") + text_row(2, "1"), "cannot be read"),
        ('<row r="1"><c t="s"><v>7</v></c></row>', "cannot be read"),
        (
            text_row(1, "a") + '<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>',
            "cannot be read",
        ),
        (text_row(1, "a") + '<row r="2"><c r="A3"><v>1</v></c></row>', "cannot be read"),
        (text_row(1, "a") + '<row r="2"><c><v>1_0</v></c></row>', "cannot be read"),
        (text_row(1, "a") + '<row r="2"><c t="b"><v>2</v></c></row>', "cannot be read"),
        ("<row><unclosed></row>", "cannot be read"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused(tmp_path: Path, sheet: str, what: str) -> None:
    """Without names, without rows, with names alike, damaged: one block, no traceback."""
    path = raw_workbook(tmp_path / "x.xlsx", sheet)
    with pytest.raises((ExtractError, NothingToLoad), match=what):
        rows_of(opened(path))


def test_a_copy_of_rows_is_read_by_the_same_settings(tmp_path: Path) -> None:
    """Types, number formats, texts that look like formulas or escapes; errors stay errors."""
    cells = (
        '<c t="inlineStr"><is><t>=1+1 _x005F_x000D_ \u00e4</t></is></c><c s="2"><v>45322.5</v></c>'
        '<c><v>19.989999999999998</v></c><c t="b"><v>0</v></c><c t="e"><v>#N/A</v></c>'
    )
    sheet = text_row(1, "Title") + text_row(2, *"abcde") + text_row(3, *"vwxyz") + f'<row r="4">{cells}</row>'
    path = raw_workbook(tmp_path / "x.xlsx", sheet)
    table = opened(path, header_row=2)
    copy = tmp_path / "copy.xlsx"
    table.copy_rows(iter([1]), copy)
    again = opened(copy, header_row=2)
    again_cells = list(again._read_rows())
    (original,) = list(table._read_rows())[1:]
    assert [{column: cell[:2] for column, cell in row.items()} for row in again_cells] == [
        {column: cell[:2] for column, cell in original.items()}
    ]
    table.copy_rows(iter([0, 1]), copy)
    assert len(list(opened(copy, header_row=2)._read_rows())) == 2


def test_a_copy_that_cannot_be_written_is_not_reported_as_damage(tmp_path: Path) -> None:
    """The caller reports the disk, not the workbook."""
    path = raw_workbook(tmp_path / "x.xlsx", text_row(1, "a") + text_row(2, "1"))
    with pytest.raises(FileNotFoundError):
        opened(path).copy_rows(iter([0]), tmp_path / "missing" / "copy.xlsx")
