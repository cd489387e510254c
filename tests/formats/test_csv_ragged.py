"""CSV as spreadsheets and exports leave it: what is accepted, what is rejected, and by which setting."""

from pathlib import Path
from typing import Any

import pytest

from loader.errors import ExtractError
from loader.formats.csv.blocks import read_blocks
from loader.formats.csv.dialect import read_dialect
from loader.formats.csv.ragged import ragged_rows
from loader.job import CsvSettings

BLOCKS = (3, 17, 4096)


def read(path: Path, text: bytes, block_bytes: int = 4096, **settings: Any) -> list[list[str | None] | str]:
    """Return the values of each row, or its reject code; rows that are left out are "left out"."""
    path.write_bytes(text)
    dialect = read_dialect(str(path), CsvSettings(**settings))
    rows: list[list[str | None] | str] = []
    for block in read_blocks(str(path), dialect, block_bytes):
        frame, bad = block.parse(dialect.columns)
        values: list[list[str | None] | str] = [list(row) for row in frame.rows()]
        for record in bad:
            values[record.index] = "left out" if record.left_out else str(record.fault.code)
        rows += values
    return rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_short_rows_are_rejected_or_filled(path: Path, block_bytes: int) -> None:
    """A row that ends early may have lost a value in its middle: only the user knows that it has not."""
    text = b"id,qty,note\na,1,x\nb,2\nc\nd,1,2,3\n"
    assert read(path, text, block_bytes) == [["a", "1", "x"], *["WrongFieldCount"] * 3]
    filled = [["a", "1", "x"], ["b", "2", None], ["c", None, None], "WrongFieldCount"]
    assert read(path, text, block_bytes, short_rows="fill") == filled


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_empty_fields_at_the_end_are_dropped_where_no_value_can_have_shifted(
    path: Path, block_bytes: int
) -> None:
    """If every row has them, the file is written so; in some rows a comma without quotes looks alike."""
    everywhere = b"id,qty\na,1,,\nb,2,,\n"
    assert read(path, everywhere, block_bytes) == [["a", "1"], ["b", "2"]]
    assert read(path, everywhere, block_bytes, surplus_fields="reject") == ["WrongFieldCount"] * 2
    some = b"name,city,note\nSmith, John,Rome,\na,b,c\nd,e,f,,,\n"
    assert read(path, some, block_bytes) == ["WrongFieldCount", ["a", "b", "c"], "WrongFieldCount"]
    dropped = read(path, some, block_bytes, surplus_fields="drop")
    assert dropped == [["Smith", " John", "Rome"], ["a", "b", "c"], ["d", "e", "f"]]
    # What is found in the first rows holds for the whole file: a later row of another kind is rejected.
    assert read(path, everywhere + b"Smith, John,3,\n", block_bytes)[-1] == "WrongFieldCount"


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_rows_of_separators_are_counted_and_left_out(path: Path, block_bytes: int, end: bytes) -> None:
    """However many separators they have, also above the header; quoted empty fields are a row."""
    text = end.join([b";;", b"id;qty;note", b"a;1;x", b";;;;", b';;""', b";;", b"b;2;y", b";;"])
    row = [None, None, None]
    left = "left out"
    assert read(path, text, block_bytes, separator=";") == [
        ["a", "1", "x"],
        left,
        row,
        left,
        ["b", "2", "y"],
        left,
    ]
    assert read(path, text[3 if len(end) == 1 else 4 :], block_bytes, separator=";", empty_rows="reject") == [
        ["a", "1", "x"],
        "WrongFieldCount",
        row,
        row,
        ["b", "2", "y"],
        row,
    ]
    assert read(path, b"id\n\na\n", block_bytes) == [["a"]]
    assert read(path, b'a,b,c\n"",\n1,2,3\n', block_bytes) == ["WrongFieldCount", ["1", "2", "3"]]


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("settings", [{}, {"line_end": "lf"}, {"line_end": "crlf"}])
def test_cr_cr_lf_is_a_line_end_where_the_header_has_it(path: Path, block_bytes: int, settings: Any) -> None:
    """Python on Windows writes it; inside quotes it is unchanged, and elsewhere a CR does not end a line."""
    text = b'id,qty\r\r\na,1\r\r\n\r\r\n"b\r\r\n",2\r\r\nc,3\r\n'
    assert read(path, text, block_bytes, **settings) == [["a", "1"], ["b\r\r\n", "2"], ["c", "3"]]
    assert "CR CR LF" in read_dialect(str(path), CsvSettings(**settings)).words
    assert read(path, b"id,qty\r\na,1\r\r\nb,2\r\n", block_bytes, **settings) == ["BrokenQuotes", ["b", "2"]]


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_blanks_after_a_closing_quote_are_dropped(path: Path, block_bytes: int) -> None:
    """They are not part of the value; other characters there are not repaired."""
    text = b'id,qty\n"a" ,1\n"b"\t ,"2" \n"c" x,3\n"d ""e"" " ,4\n"f" "g",5\n'
    good = [["a", "1"], ["b", "2"], "BrokenQuotes", ['d "e" ', "4"], "BrokenQuotes"]
    assert read(path, text, block_bytes) == good
    strict = read(path, text, block_bytes, blanks_after_quotes="reject")
    assert strict == ["BrokenQuotes"] * 5


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_blanks_before_an_opening_quote_are_dropped(path: Path, block_bytes: int) -> None:
    """Otherwise the separators and line ends in the text would divide it into fields and rows."""
    text = (
        b'id, "qty", "note"\na, "1,5", "x"\nb,2,\t"y\nz, 1" \nc, "q" w,7\nd, "e,f\ng,1,2\n'
        b'h," ""i",8\nj, "k,l"\nm, "n\no,p,q",9,r\n"s" , "t",3\nu,1, " v'
    )
    assert read(path, text, block_bytes) == [
        ["a", "1,5", "x"],
        ["b", "2", "y\nz, 1"],
        ["c", ' "q" w', "7"],
        "BrokenQuotes",
        ["g", "1", "2"],
        ["h", ' "i', "8"],
        "WrongFieldCount",
        "BrokenQuotes",
        ["s", "t", "3"],
        "BrokenQuotes",
    ]
    strict = read(path, b'id,qty,note\na,1, "x"\n', block_bytes, blanks_after_quotes="reject")
    assert strict == [["a", "1", ' "x"']]


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_the_header_again_is_never_a_row(path: Path, block_bytes: int) -> None:
    """In joined files, a repeated header is not a row, and a byte-order mark is not part of a value."""
    mark = b"\xef\xbb\xbf"
    text = (
        mark
        + b'id, qty\na,1\nid, qty\n"id"," qty"\n'
        + mark
        + b"id,qty\n"
        + mark
        + b'"id",qty\n'
        + mark
        + b"b,2\nid,3\n"
    )
    again = ["RepeatedHeader"] * 4
    assert read(path, text, block_bytes) == [["a", "1"], *again, "BadEncoding", ["id", "3"]]
    assert read(path, text, block_bytes, columns=["x", "y"])[1:5] == again
    assert read(path, b"a,1\n" + mark + b"a,1\n", block_bytes, header=False) == [["a", "1"], "BadEncoding"]


def test_lines_that_a_quote_swallowed_are_reported(path: Path) -> None:
    """With their range, whether the record is broken or reads as one with a long text."""
    swallowed = b'id,qty,note\na,1,x\nb,2,"y\n' + b"c,3,z\n" * 500 + b'd,4,"e"\nf,5,g\n'
    path.write_bytes(swallowed)
    dialect = read_dialect(str(path), CsvSettings())
    for block_bytes in (64, 2**20):
        bad = [
            record for block in read_blocks(str(path), dialect, block_bytes) for record in block.parse(())[1]
        ]
        assert [record.lines for record in bad] == [502]
        assert bad[0].fault.reason.endswith("(lines 3 to 504 of the file)")
    closed = b'id,qty,note\na,1,"y\n' + b"c,3,z\n" * 3 + b'd,4"\nf,5,g\n'
    for block_bytes in BLOCKS:
        assert read(path, closed, block_bytes) == ["BrokenQuotes", ["f", "5", "g"]]
        accepted = read(path, closed, block_bytes, row_like_texts="accept")
        assert accepted == [["a", "1", "y\n" + "c,3,z\n" * 3 + "d,4"], ["f", "5", "g"]]
    text = b'id,qty,note\na,1,"two, or\nthree lines,\nof text"\n'
    assert read(path, text) == [["a", "1", "two, or\nthree lines,\nof text"]]


def test_repeated_names_are_refused_or_numbered(path: Path) -> None:
    """The error has the flags to paste; numbering never makes up a name that is there."""
    path.write_text("a,b,a,a_2,a\n1,2,3,4,5\n")
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings())
    assert "--csv-columns a --csv-columns b --csv-columns a_3 --csv-columns a_2" in caught.value.next_step
    assert "--csv-repeated-names number" in caught.value.next_step
    numbered = read_dialect(str(path), CsvSettings(repeated_names="number")).columns
    assert numbered[:4] == ("a", "b", "a_3", "a_2")
    assert len(set(numbered)) == 5


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"Stock report\nof 2024-01-02\nid;qty;note\na;1;x\nb;2;y\nc;3;z\n", 2),
        (b"Stock report; of today\nid;qty;note;site\na;1;x;s\nb;2;y;s\nc;3;z;s\n", 1),
        (b"Title\n;;\nid;qty;note\na;1;x\nb;2;y\n", 2),
        (b"Title\r\n\r\n\r\nid;qty;note\r\na;1;x\r\nb;2;y\r\n", 3),
        (b'Title\r\r"of two\rlines"\rid;qty;note\ra;1;x\rb;2;y\r', 4),
        (b"# gunk\nid;qty;note;site\na;1;x\nb;2;y\n", 1),
        (b"# gunk\n\n# more\nid;qty;note\na;1;x\nb;2;y\n", 3),
        (b"Stock report;;;\n;;;\nid;qty;note;site\na;1;x;s\nb;2;y;\n", 2),
        (b"Stock report;;;\nid;qty;note;site\na;1;x;s\nb;2;y;s\n", 1),
        (b"Run on:;2025-01-01;;;\n;;;;\nid;qty;note;site;\na;1;x;s;\nb;2;y;s;\n", 2),
        (b"sep=;\nStock report;;;\nid;qty;note;site\na;1;x;s\nb;2;y;s\n", 2),
        (b"Stock, of today;;;;\nid;qty;note;site;\na;1;x;s;\nb;2;y,z;s;\n", 1),
    ],
)
def test_title_lines_above_the_header_are_asked_about(path: Path, text: bytes, lines: int) -> None:
    """The file is not read as one column, nor with the title for its header; the settings named all work."""
    path.write_bytes(text)
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings())
    step = caught.value.next_step
    assert f"--csv-skip-rows {lines} " in step
    assert read_dialect(str(path), CsvSettings(skip_rows=lines)).columns[:3] == ("id", "qty", "note")
    assert ("--csv-comment '#'" in step) == text.startswith(b"#")
    if text.startswith(b"#"):
        assert read_dialect(str(path), CsvSettings(comment="#")).columns[:3] == ("id", "qty", "note")
    assert "--csv-separator ';'" in step
    columns = read_dialect(str(path), CsvSettings(separator=";")).columns
    assert len([name for name in columns if not name.startswith("(column ")]) <= 2


@pytest.mark.parametrize(
    "text",
    [
        b"id;qty;;;\na;1;;;\nb;2;;;\n",
        b"id;qty;note;site\na;;;\nb;;;\nc;1;x;y\n",
        b";qty\n0;1\n1;2\n",
        b"id;;\na;1;\nb;;\nc;;\n",
    ],
)
def test_a_header_beside_empty_fields_is_no_title(path: Path, text: bytes) -> None:
    """Empty fields at the ends of rows, few values, and a column without a name ask for nothing."""
    path.write_bytes(text)
    assert read_dialect(str(path), CsvSettings()).syntax.separator == ";"


def test_a_first_row_of_a_file_without_a_header_may_lack_values(path: Path) -> None:
    """It is a row like the others."""
    path.write_bytes(b"a;;;\nb;1;x;y\nc;2;x;y\n")
    settings = CsvSettings(header=False, columns=["id", "qty", "note", "site"])
    assert read_dialect(str(path), settings).syntax.separator == ";"


def test_lines_that_are_skipped_already_count(path: Path) -> None:
    """The number named is that of all lines above the header."""
    path.write_bytes(b"x\nTitle\nmore\nid;qty;note\na;1;x\nb;2;y\n")
    with pytest.raises(ExtractError, match="does not seem") as caught:
        read_dialect(str(path), CsvSettings(skip_rows=1))
    assert "--csv-skip-rows 3 " in caught.value.next_step


def test_irregularities_of_the_first_rows_are_reported(path: Path) -> None:
    """Each with the setting that says otherwise."""
    path.write_text("a,b,c\n1,2\n1,2,3,\n,,\n1,2,3\n")
    told = " ".join(ragged_rows("x", read_dialect(str(path), CsvSettings())))
    assert all(name in told for name in ("csv.short_rows", "csv.surplus_fields", "csv.empty_rows"))
    path.write_text("a,b,c\n1,2\n1,2,3,\n")  # as many separators as two good rows have
    told = " ".join(ragged_rows("x", read_dialect(str(path), CsvSettings())))
    assert all(name in told for name in ("csv.short_rows", "csv.surplus_fields"))
    path.write_text("a,b,c\n1,2,3\n")
    assert not list(ragged_rows("x", read_dialect(str(path), CsvSettings())))
