"""What the head of a CSV file tells: line end, byte-order mark, names."""

from pathlib import Path

import pytest

from loader.errors import ExtractError, SettingsError
from loader.extract.csv_dialect import read_dialect
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
    assert dialect.line_end == line_end
    assert dialect.columns[-1] == "b"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    """The first column is called as its header says, and data begin right after the header."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfID,Name\r\n1,2\r\n")
    dialect = read_dialect(str(path), CsvSettings())
    assert dialect.columns == ("ID", "Name")
    assert path.read_bytes()[dialect.data_offset :] == b"1,2\r\n"


def test_separator_and_quote_are_settings(tmp_path: Path) -> None:
    """A file with semicolons and apostrophes is read as such; nothing is guessed."""
    path = tmp_path / "x.csv"
    path.write_text("'a;1';b\n")
    assert read_dialect(str(path), CsvSettings(separator=";", quote="'")).columns == ("a;1", "b")


def test_a_line_end_can_be_told(tmp_path: Path) -> None:
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
        (b"a,b,a\n", "more than one column 'a'"),
        (b"a,\xff\n1,2\n", "UTF-8"),
        (b"\xef\xbb\xbf", "line end"),
        (b'a,"b\n1,2\n', "line end"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path: Path, head: bytes, why: str) -> None:
    """A header without clear names is refused before anything is sent."""
    path = tmp_path / "x.csv"
    path.write_bytes(head)
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings())
    assert why in caught.value.why


@pytest.mark.parametrize(
    "settings",
    [
        CsvSettings(separator="¦"),
        CsvSettings(quote="\n"),
        CsvSettings(separator="'", quote="'"),
    ],
)
def test_separators_and_quotes_that_cannot_work(tmp_path: Path, settings: CsvSettings) -> None:
    """Characters that cannot be told apart are the user's mistake, not the file's."""
    path = tmp_path / "x.csv"
    path.write_text("a,b\n")
    with pytest.raises(SettingsError):
        read_dialect(str(path), settings)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(tmp_path / "gone.csv"), CsvSettings())
    assert caught.value.where == str(tmp_path / "gone.csv")
