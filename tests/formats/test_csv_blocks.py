"""CSV records: the fast reader must say exactly what the csv module says, wherever blocks are cut."""

import csv
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.formats.csv.blocks import read_blocks
from loader.formats.csv.dialect import Dialect, read_dialect
from loader.formats.csv.records import MAX_RECORD_BYTES
from loader.job import CsvSettings

FILL = ' (csv.short_rows = "fill" treats missing fields at the end as empty)'

STRICT = CsvSettings(
    encoding="utf-8",
    separator=",",
    surplus_fields="reject",
    empty_rows="reject",
    blanks_after_quotes="reject",
    row_like_texts="accept",
)
"""As the csv module reads."""

Row = list[str | None] | str


def read(path: Path, settings_: CsvSettings | None = None, block_bytes: int = 2**20) -> list[Row]:
    """Return the values of each row, or the reason for its rejection."""
    dialect = read_dialect(str(path), settings_ or CsvSettings())
    rows: list[Row] = []
    for block in read_blocks(str(path), dialect, block_bytes):
        frame, bad = block.parse(dialect.columns)
        assert frame.height == block.rows
        values: list[Row] = [list(row) for row in frame.rows()]
        for record in bad:
            assert values[record.index] == [None] * len(dialect.columns)
            if not record.left_out:
                values[record.index] = record.fault.reason
        rows += values
    return rows


def oracle(text: bytes, columns: int, dialect: Dialect) -> list[Row] | None:
    """Read record by record with the csv module; None if the text ends inside quotes."""
    ends = dialect.syntax.line_end
    lines = [line + ends for line in text.decode(errors="surrogateescape").split(ends)]
    lines = [line for line in (*lines[:-1], lines[-1][:-1]) if line]
    rows: list[Row] = []
    while lines:
        try:
            reader = csv.reader(lines, strict=True)
            fields = next(reader)
            used = reader.line_num
        except csv.Error as error:
            used = 0 if str(error) == "unexpected end of data" else lines_of_broken(lines, columns, ends)
            if not used:
                return None
            rows.append("quotes")
            lines = lines[used:]
            continue
        last, lines = lines[used - 1], lines[used:]
        if "".join(fields).encode(errors="replace").decode() != "".join(fields):
            rows.append("UTF-8")
        elif fields and len(fields) != columns:
            rows.append("fields")
        elif fields and re.search(r"\n\r?\Z" if ends == "\r" else r"\r\r\n?\Z", last):
            rows.append("line ends")
        elif fields and fields[0].startswith("\ufeff"):
            rows.append("byte-order mark")
        elif fields:
            rows.append([field or None for field in fields])
    return rows


def lines_of_broken(lines: list[str], columns: int, ends: str) -> int:
    """Return the number of lines of a record with inconsistent quotes; 0 if it is never closed."""
    foreign = "\n" if ends == "\r" else "\r"
    reader = csv.reader([*(line.replace(foreign, "x") for line in lines), "after the end"], strict=False)
    next(reader)
    first = reader.line_num
    if first > len(lines):
        return 0
    text = "".join(lines)
    end = second_end(text.removesuffix(ends) + ends, lines, first, columns, ends)
    return len(text[:end].removesuffix(ends).split(ends))


def second_end(text: str, lines: list[str], first: int, columns: int, ends: str) -> int:
    """Return the end of a record in which quotes close fields before separators and line ends only."""
    first_end = sum(map(len, lines[:first]))
    position = fields = 0
    while position < len(text):
        began, quoted = position, text[position] == '"'
        fields += 1
        position += quoted
        while position < len(text):
            if quoted and text.startswith('""', position):
                position += 1
            elif quoted and text[position] == '"':
                border = re.compile(f"[ \t\r]*?(?=[,{ends}])").match(text, position + 1)
                if border:
                    position = border.end()
                    break
            elif not quoted and text[position] in (",", ends):
                break
            position += 1
        between = text[first_end - 1 : position + 1] if began < first_end < position else ""
        if position >= len(text) or ',"' in between or f'{ends}"' in between:
            return first_end
        position += 1
        if text[position - 1] == ends:
            return position if position > first_end and fields == columns else first_end
    return first_end


def agree(row: Row, expected: Row) -> bool:
    if isinstance(row, str) and isinstance(expected, str):
        return expected in row
    return row == expected


PIECES = st.sampled_from(
    [
        b'"',
        b'""',
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b"a",
        b"5",
        b" ",
        b"\xc3\xa9",
        b"\xff",
        b"x\x01",
        b"\xef\xbb\xbf",
    ]
)
NEEDS_QUOTES = re.compile('[",\n\r]')
GOOD_FIELDS = st.text(st.sampled_from('ab,"\n\r é😀'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    body=st.lists(PIECES, max_size=40).map(b"".join),
    columns=st.integers(1, 3),
    line_end=st.sampled_from(["lf", "cr"]),
    block_bytes=st.integers(1, 50),
)
def test_any_bytes_are_read_as_the_csv_module_reads_them(
    body: bytes, columns: int, line_end: str, block_bytes: int
) -> None:
    """Whatever a file holds and wherever it is cut into blocks, each row is the csv module's row."""
    end = b"\r" if line_end == "cr" else b"\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "extract.csv")
        path.write_bytes(b",".join(b"c%d" % number for number in range(columns)) + end + body)
        csv_settings = STRICT.model_copy(update={"line_end": line_end})
        expected = oracle(body, columns, read_dialect(str(path), csv_settings))
        if expected is None:
            with pytest.raises(ExtractError, match="never closed"):
                read(path, csv_settings, block_bytes)
            return
        rows = read(path, csv_settings, block_bytes)
    assert len(rows) == len(expected)
    assert all(agree(row, want) for row, want in zip(rows, expected, strict=True)), (rows, expected)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(GOOD_FIELDS, min_size=3, max_size=3), min_size=1, max_size=8),
    quote_all=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    block_bytes=st.integers(1, 60),
)
@example(rows=[["", "a", ' "\na'], ["", "", ""]], line_end="\r", block_bytes=5, quote_all=False)
def test_every_field_is_read_as_it_was_written(
    rows: list[list[str]], line_end: str, block_bytes: int, *, quote_all: bool
) -> None:
    """Fields with quotes, separators, line ends and any letters arrive as they were written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "extract.csv")
        with path.open("w", encoding="utf-8", newline="") as handle:
            # The csv module quotes only the line end it was given, so the others are written by hand.
            for row in [["a", "b", "c"], *rows]:
                fields = [
                    '"' + field.replace('"', '""') + '"' if quote_all or NEEDS_QUOTES.search(field) else field
                    for field in row
                ]
                handle.write(",".join(fields) + line_end)
        got = read(path, CsvSettings(separator=","), block_bytes)
    assert got == [[field or None for field in row] for row in rows]


INNER = st.text(st.sampled_from("ab \n,é"), max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(INNER, min_size=3, max_size=3), min_size=1, max_size=6),
    torn=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), INNER, st.booleans()), max_size=2),
    line_end=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.integers(1, 60),
)
def test_the_rest_of_a_torn_record_is_not_a_row(rows, torn, line_end, block_bytes) -> None:
    """A quote that was not doubled rejects its record, of several lines too; all others arrive."""
    texts = [['"' + field.replace("\n", line_end) + '"' for field in row] for row in rows]
    broken = set()
    for row, column, after, both in torn:
        if row < len(texts):
            broken.add(row)
            tear = f'"x{after}y' + ('"z' if both else "")
            texts[row][column] = texts[row][column][:-1] + "w" + tear.replace("\n", line_end) + '"'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "extract.csv")
        body = "".join(",".join(row) + line_end for row in [["a", "b", "c"], *texts])
        path.write_bytes(body.encode())
        got = read(path, CsvSettings(separator=",", encoding="utf-8", empty_rows="reject"), block_bytes)
    assert [row for row in got if not isinstance(row, str)] == [
        [field.replace("\n", line_end) or None for field in row]
        for number, row in enumerate(rows)
        if number not in broken
    ]
    assert len(got) == len(rows)


@pytest.mark.parametrize("block_bytes", [7, 4096])
@pytest.mark.parametrize(
    ("torn", "rows"),
    [
        ('a,"1"x,"y\nb,c,d"\n', 1),
        ('a,"6" pipe\nlong",b\n', 1),
        ('a,"6" pipe",b\n', 1),
        ('a,"6" pipe,b\n9",c,d\n', 2),  # two lines do not make a record together
        ('a,b\rc,"x\ny,z,0"\n', 1),
    ],
)
def test_a_torn_record_is_rejected_whole(tmp_path: Path, torn: str, rows: int, block_bytes: int) -> None:
    """Its rest is not a row, even if it has the right number of fields; the rows around it arrive."""
    path = tmp_path / "torn.csv"
    path.write_text(f"x,y,z\n1,2,3\n{torn}4,5,6\n", newline="")
    first, *between, last = read(path, CsvSettings(separator=","), block_bytes)
    assert (first, last) == (["1", "2", "3"], ["4", "5", "6"])
    assert len(between) == rows
    assert isinstance(between[0], str)


def test_blanks_after_a_quote_may_precede_a_text_of_several_lines(tmp_path: Path) -> None:
    """The record is read to its end before its blanks are dropped."""
    path = tmp_path / "blanks.csv"
    path.write_text('x,y,z\na,"1" ,"y\nb" \n4,5,6\n')
    assert read(path) == [["a", "1", "y\nb"], ["4", "5", "6"]]


@pytest.mark.parametrize("block_bytes", [7, 4096])
def test_ragged_rows_are_rejected_and_do_not_shift_others(tmp_path: Path, block_bytes: int) -> None:
    """A row with too few or too many fields is refused with its place; its neighbours are untouched."""
    path = tmp_path / "ragged.csv"
    path.write_text("a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    assert read(path, block_bytes=block_bytes) == [
        ["1", "2", "3"],
        f"2 fields where the file has 3 columns{FILL}",
        "4 fields where the file has 3 columns",
        ["10", "11", "12"],
    ]


def test_rows_too_short_and_too_long_do_not_make_up_for_each_other(tmp_path: Path) -> None:
    """Two wrong rows whose separators add up to those of two good rows are both reported."""
    path = tmp_path / "even.csv"
    path.write_text("a,b,c\n1,2\n1,2,3,4\n")
    assert [isinstance(row, str) for row in read(path)] == [True, True]


def test_bytes_that_are_not_utf_8_reject_their_row(tmp_path: Path) -> None:
    """A Latin-1 letter rejects its row and never becomes a replacement character."""
    path = tmp_path / "latin.csv"
    path.write_bytes("id,name\n1,Zürich\n2,Bern\n".encode("latin-1"))
    assert read(path, CsvSettings(encoding="utf-8")) == ["bytes that are not UTF-8", ["2", "Bern"]]


def test_an_empty_field_holds_no_value_quoted_or_not(tmp_path: Path) -> None:
    """Exporters that quote every field write a missing value as two quotes."""
    path = tmp_path / "empty.csv"
    path.write_text('a,b,c\n"1","",\n')
    assert read(path) == [["1", None, None]]


def test_empty_lines_are_not_rows(tmp_path: Path) -> None:
    """Empty lines between and after records do not count, in columns of one or many."""
    path = tmp_path / "lines.csv"
    path.write_text("a,b\n\n1,2\n\r\n3,4\n\n\n")
    assert read(path) == [["1", "2"], ["3", "4"]]
    path.write_text('a\n\n1\n""\n\n')
    assert read(path) == [["1"], [None]]


def test_a_stray_quote_stays_in_its_row(tmp_path: Path) -> None:
    """A quote inside an unquoted field is a character, and does not swallow the rows that follow."""
    path = tmp_path / "pipe.csv"
    path.write_text('id,what\n1,5" pipe\n2,tube\n3,"a 6"" pipe"\n')
    assert read(path) == [["1", '5" pipe'], ["2", "tube"], ["3", 'a 6" pipe']]


def test_a_quote_that_is_never_closed_stops_the_load(tmp_path: Path) -> None:
    """The error names the row; nothing after it is taken for one huge field."""
    path = tmp_path / "open.csv"
    path.write_text('id,what\n1,a\n2,"never closed\n3,b\n')
    with pytest.raises(ExtractError, match="never closed") as caught:
        read(path)
    assert caught.value.where.endswith("row 2, from line 3 on")


def test_a_record_of_many_megabytes_stops_the_load(tmp_path: Path) -> None:
    """Memory is bounded even if a quote opens and closes gigabytes later."""
    path = tmp_path / "huge.csv"
    path.write_bytes(b'id,what\n1,"' + b"x" * (MAX_RECORD_BYTES + 2**20) + b'"\n')
    with pytest.raises(ExtractError, match="never closed"):
        read(path)


def test_a_large_field_is_read_whole(tmp_path: Path) -> None:
    """A field larger than the csv module's own limit arrives whole on the slow path too."""
    path = tmp_path / "large.csv"
    text = "x" * 300_000
    path.write_text(f'id,what\n1,{text}\n2,5" {text}\n')
    assert read(path) == [["1", text], ["2", f'5" {text}']]


def test_the_first_bytes_of_a_block_are_only_text(tmp_path: Path) -> None:
    """What looks like a compressed file at the start of a block is a value."""
    path = tmp_path / "magic.csv"
    path.write_bytes(b"a,b\nx\x01,1\n\x1f\x8by,2\n".replace(b"\x8b", b"\xc2\x8b"))
    for block_bytes in (6, 4096):
        assert read(path, block_bytes=block_bytes) == [["x\x01", "1"], ["\x1f\x8by", "2"]]
