"""What the head of a CSV file tells: line end, byte-order mark, names."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loader.errors import ExtractError
from loader.formats.csv.blocks import read_blocks
from loader.formats.csv.dialect import read_dialect
from loader.job import CsvSettings


@pytest.mark.parametrize(
    ("head", "line_end"),
    [
        (b"a,b\n1,2\n", "\n"),
        (b"a,b\r\n1,2\r\n", "\n"),
        (b"a,b\r1,2\r", "\r"),
        (b'"a\rx",b\n1,2\n', "\n"),
        (b'"a\nx",b\r1,2\r', "\r"),
        (b"a,b", "\n"),
        (b"a,b\r", "\r"),
    ],
)
def test_the_line_end_is_found_outside_quotes(tmp_path: Path, head: bytes, line_end: str) -> None:
    """LF and CRLF are one dialect, a lone CR another; line ends inside quotes are text."""
    path = tmp_path / "x.csv"
    path.write_bytes(head)
    dialect = read_dialect(str(path), CsvSettings())
    assert dialect.syntax.line_end == line_end
    assert dialect.columns[-1] == "b"


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    """The first column is called as its header says, and data begin right after the header."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfID,Name\r\n1,2\r\n")
    dialect = read_dialect(str(path), CsvSettings())
    assert dialect.columns == ("ID", "Name")
    assert path.read_bytes()[dialect.encoding.mark_bytes + dialect.data_offset :] == b"1,2\r\n"


def test_separator_and_quote_are_settings(tmp_path: Path) -> None:
    """A file with semicolons and apostrophes is read as such; nothing is looked for."""
    path = tmp_path / "x.csv"
    path.write_text("'a;1';b\n")
    assert read_dialect(str(path), CsvSettings(separator=";", quote="'")).columns == ("a;1", "b")


def test_a_line_end_can_be_set(tmp_path: Path) -> None:
    """The setting wins over what the head looks like."""
    path = tmp_path / "x.csv"
    path.write_bytes(b'a,"b\n"\r1,2\r')
    assert read_dialect(str(path), CsvSettings(line_end="cr")).columns == ("a", "b")


def test_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    """A separator at the end of the header is common, and no reason to refuse a file."""
    path = tmp_path / "x.csv"
    path.write_text("a, b ,\n1,2,\n")
    assert read_dialect(str(path), CsvSettings()).columns == ("a", "b", "(column 3)")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"a,b,a\n", "more than one column has the name 'a'"),
        (b"a,\xff\n1,2\n", "UTF-8"),
        (b'a,"b\n1,2\n', "line end"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path: Path, head: bytes, why: str) -> None:
    """A header without clear names is refused before anything is sent."""
    path = tmp_path / "x.csv"
    path.write_bytes(head)
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings(encoding="utf-8"))
    assert why in caught.value.why


@pytest.mark.parametrize(
    "settings",
    [
        {"quote": "\n"},
        {"separator": "||"},
        {"separator": ""},
        {"separator": "'", "quote": "'"},
        {"escape": '"'},
        {"comment": ";;", "separator": ";"},
        {"encoding": "hex"},
        {"skip_rows": -1},
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any]) -> None:
    """Characters that cannot be distinguished are a mistake in the settings, not in the file."""
    with pytest.raises(ValidationError):
        CsvSettings(**settings)


def test_a_tab_can_be_called_by_its_name() -> None:
    """No shell needs a trick to type it."""
    assert {CsvSettings(separator=name).separator for name in ("tab", r"\t", "\t")} == {"\t"}


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    """A title with one stray quote in it is not part of the table."""
    path = tmp_path / "x.csv"
    path.write_text('Stock, 5" pipes\n\na;b\n1;2\n')
    dialect = read_dialect(str(path), CsvSettings(skip_rows=2))
    assert dialect.columns == ("a", "b")
    assert path.read_bytes()[dialect.data_offset :] == b"1;2\n"
    with pytest.raises(ExtractError, match="header"):
        read_dialect(str(path), CsvSettings(skip_rows=9))


def test_a_line_that_excel_writes_names_the_separator(tmp_path: Path) -> None:
    """The line is not a header, and its word holds unless the user gave another."""
    path = tmp_path / "x.csv"
    path.write_text("sep=;\na,b;c\n1,2;3\n")
    assert read_dialect(str(path), CsvSettings()).columns == ("a,b", "c")
    assert read_dialect(str(path), CsvSettings(separator=",")).columns == ("a", "b;c")


def test_columns_can_be_named_by_the_user(tmp_path: Path) -> None:
    """Without a header, columns are numbered; the number of given names must be the number of fields."""
    path = tmp_path / "x.csv"
    path.write_text("a,a\n1,2\n")
    assert read_dialect(str(path), CsvSettings(columns=("x", "y"))).columns == ("x", "y")
    headless = read_dialect(str(path), CsvSettings(header=False))
    assert (headless.columns, headless.data_offset) == (("column_1", "column_2"), 0)
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings(header=False, columns=("x", "y", "z")))
    assert caught.value.why == "csv.columns has 3 names, but the file has 2 columns"


def test_names_of_the_user_replace_no_row(tmp_path: Path) -> None:
    """If the first line has separators only, the next one may be the header or a row."""
    path = tmp_path / "x.csv"
    path.write_text(",\n1,2\n3,4\n")
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings(columns=("x", "y")))
    assert caught.value.why == "its first line has separators only, and csv.columns gives the names"
    for settings in ({"header": False, "skip_rows": 1}, {"empty_rows": "reject"}):
        dialect = read_dialect(str(path), CsvSettings(columns=("x", "y"), **settings))
        (block,) = read_blocks(str(path), dialect)
        assert block.parse(dialect.columns)[0].rows() == [("1", "2"), ("3", "4")]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(tmp_path / "gone.csv"), CsvSettings())
    assert caught.value.where == str(tmp_path / "gone.csv")


def test_a_header_with_control_characters_is_not_a_header(tmp_path: Path) -> None:
    """A file of another format is not text. A line end or tab in a quoted name is one."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"\x00\x01binary\x02,b\n1,2\n")
    with pytest.raises(ExtractError, match="header") as refused:
        read_dialect(str(path), CsvSettings())
    assert "not text" in refused.value.why
    path.write_bytes(b'"Qty\n(kg)","a\tb"\n1,2\n')
    assert read_dialect(str(path), CsvSettings(separator=",")).columns == ("Qty\n(kg)", "a\tb")
