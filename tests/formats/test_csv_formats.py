"""CSV as people really have it: any dialect in any encoding gives what was written."""

import codecs
import csv
import io
import os
import re
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.extract import open_extract
from loader.extract.find_files import find_files
from loader.formats.csv.blocks import read_blocks
from loader.formats.csv.dialect import read_dialect
from loader.formats.csv.table import CsvTable, line_lengths
from loader.job import CsvSettings
from loader.stage_settings.extract import extract_settings
from tests.extract.fixtures import JobMaker
from tests.formats.slices import slices_of

Row = list[str | None] | str

MARKS = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "latin-1", "windows-1252", "gb18030"]


def read(path: Path, settings_: CsvSettings | None = None, block_bytes: int = 2**20) -> list[Row]:
    """Return the values of each row, or the reason for its rejection."""
    dialect = read_dialect(str(path), settings_ or CsvSettings())
    rows: list[Row] = []
    for block in read_blocks(str(path), dialect, block_bytes):
        frame, bad = block.parse(dialect.columns)
        values: list[Row] = [list(row) for row in frame.rows()]
        for record in bad:
            if not record.left_out:
                values[record.index] = record.fault.reason
        rows += values
    return rows


def written(rows: list[list[str]], csv_settings: CsvSettings, line_end: str, quoting: int) -> str:
    """Write a table with the csv module, doubling quotes or escaping them."""
    text = io.StringIO(newline="")
    csv.writer(
        text,
        delimiter=csv_settings.separator,
        quotechar=csv_settings.quote or None,
        escapechar=csv_settings.escape or None,
        doublequote=not csv_settings.escape,
        quoting=quoting if csv_settings.quote else csv.QUOTE_NONE,  # type: ignore[arg-type] # its constants
        lineterminator=line_end,
    ).writerows(rows)
    return text.getvalue()


FIELDS = st.text(
    st.one_of(st.sampled_from(",;\t|\"'\\#\r\n \0aé€"), st.characters(exclude_categories=["Cs"]))
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_tables_that_the_csv_module_writes_are_read_exactly(data: st.DataObject) -> None:
    """Any table, dialect and encoding: each field arrives as it was written, an empty one as no value."""
    encoding = data.draw(st.sampled_from(ENCODINGS))
    quote, escape = data.draw(st.sampled_from([('"', ""), ("'", ""), ('"', "\\"), ("'", "^"), ("", "\\")]))
    csv_settings = CsvSettings(
        encoding=MARKS.get(encoding, encoding),
        separator=data.draw(st.sampled_from([",", ";", "\t", "|", "\x01", "§"])),
        quote=quote,
        escape=escape,
        header=False,
    )
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width = data.draw(st.integers(1, 3))
    rows = data.draw(st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=1, max_size=5))
    quoting = data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])) if quote else csv.QUOTE_NONE
    if quoting != csv.QUOTE_ALL:
        # The csv module leaves line ends other than its own bare, and writes no lone empty field so.
        bare = str.maketrans("", "", "\r\n".replace(line_end, "") if len(line_end) == 1 else "")
        rows = [[field.translate(bare) or "x" for field in row] for row in rows]
    text = written(rows, csv_settings, line_end, quoting)
    assume(text == text.encode(encoding, errors="replace").decode(encoding))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(text.encode(encoding))
        told = csv_settings.model_copy(update={"line_end": {"\r": "cr"}.get(line_end, "lf")})
        got = read(path, told, data.draw(st.integers(1, 60)))
    assert got == [[field or None for field in row] for row in rows]


PLAIN = st.text(st.sampled_from('abz 019.-"éüß€'), max_size=8)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(PLAIN, min_size=3, max_size=3), max_size=5),
    encoding=st.sampled_from([*ENCODINGS[:5], "windows-1252"]),
    separator=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_the_detected_dialect_is_the_written_one_or_asked_for(
    rows: list[list[str]], encoding: str, separator: str, line_end: str, quoting: int
) -> None:
    """Encoding, separator and line end of a usual export are found, or asked for: never taken for others."""
    table = [["name", "größe", "Länge €"], ["Köln", "1", "2"], *rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(written(table, CsvSettings(separator=separator), line_end, quoting).encode(encoding))
        try:
            got = read(path)
        except ExtractError as error:
            # Letters drawn at random may look foreign; then they are asked for.
            if encoding == "windows-1252" and "encoding" in error.what:
                return
            raise
        dialect = read_dialect(str(path), CsvSettings())
    assert dialect.columns == tuple(table[0])
    assert got == [[field or None for field in row] for row in table[1:]]


def test_the_description_says_how_a_file_is_written(tmp_path: Path, job_of: JobMaker) -> None:
    """What was found is there to be shown, and a guess is also a warning."""
    (tmp_path / "a.tsv").write_bytes(codecs.BOM_UTF16_LE + "id\ttpartner_id\n1\tV\n".encode("utf-16-le"))
    (tmp_path / "b.csv").write_bytes("id;tpartner_id\r\n1;Köln\r\n".encode("cp1252"))
    extract = open_extract(extract_settings(job_of(extract=[str(tmp_path)])))
    assert extract.formats == (
        "CSV, tab between fields, '\"' around them, LF, UTF-16 LE",
        "CSV, ';' between fields, '\"' around them, CRLF, Windows-1252",
    )
    (warning,) = extract.warnings
    assert "b.csv is not UTF-8 and was read as Windows-1252" in warning


def test_settings_of_the_job_are_heard(tmp_path: Path, job_of: JobMaker) -> None:
    """A file without header, with a title, comments, escapes and no quotes becomes records."""
    path = tmp_path / "x.dat"
    path.write_text("Orders\n# made by hand\n1|V\\|1|\\N\n#2|V|x\n3|\"V|5'\n")
    extract = open_extract(
        extract_settings(
            job_of(
                extract=[str(path)],
                csv={
                    "quote": "",
                    "escape": "\\",
                    "comment": "#",
                    "header": False,
                    "skip_rows": 1,
                    "columns": ["id", "tpartner_id", "order_status"],
                    "separator": "|",
                },
                mapping={"order_status": {"column": "order_status", "null_words": "\\N"}},
            )
        )
    )
    (window,) = extract.slices()
    assert list(extract.records(window).data) == [
        b'{"id":"1","tpartner_id":"V|1"}',
        b'{"id":"3","order_status":"5\'","tpartner_id":"\\"V"}',
    ]


@pytest.mark.parametrize("block_bytes", [5, 4096])
def test_a_row_of_undecodable_bytes_keeps_its_place(tmp_path: Path, block_bytes: int) -> None:
    """Half a UTF-16 character rejects its row only, with its position; no letter becomes another."""
    rows = ["id,name\n", "1,é\n", "2,", "x\n", "3,ü\n"]
    pieces = [row.encode("utf-16-le") for row in rows]
    (tmp_path / "x.csv").write_bytes(b"".join([*pieces[:3], b"\x00\xd8", *pieces[3:]]))
    (file,) = find_files([str(tmp_path / "x.csv")])
    table = CsvTable(file, CsvSettings(), block_bytes)
    ((window,),) = (rows.pieces for rows in slices_of([table], ("id", "name"), 9))
    assert [(bad.index, bad.fault.reason) for bad in window.bad] == [(1, "bytes that are not UTF-16 LE")]
    assert window.frame.rows() == [("1", "é"), (None, None), ("3", "ü")]


def test_escapes_are_undone_only_where_they_mean_something(tmp_path: Path) -> None:
    r"""Before a letter an escape is text, as in MySQL's \N and in paths; a line end may be escaped too."""
    path = tmp_path / "x.csv"
    path.write_bytes(b'a,b\r\n\\N,C:\\new\\\\\r\nx\\\r\ny,"5\\" pipe"\r\n1,""""\r\n')
    assert read(path, CsvSettings(escape="\\"), 3) == [
        ["\\N", "C:\\new\\"],
        ["x\r\ny", '5" pipe'],
        ["1", '"'],
    ]


def test_an_escape_before_another_quotation_mark_is_kept_with_a_note_unless_it_is_named(
    tmp_path: Path,
) -> None:
    r"""Spark writes \' for both characters, Redshift for the second one: only the user knows which it was."""
    path = tmp_path / "x.csv"
    path.write_bytes(b'"a","b"\n"O\\\'Brien","\\\\\\N"\n"5\\" pipe","C:\\new"\n')
    kept, dropped = CsvSettings(escape="\\"), CsvSettings(escape="\\", also_escaped="'")
    assert read(path, kept, 7) == [["O\\'Brien", "\\\\N"], ['5" pipe', "C:\\new"]]
    assert read(path, dropped, 7) == [["O'Brien", "\\\\N"], ['5" pipe', "C:\\new"]]
    (file,) = find_files([str(path)])
    (note,) = CsvTable(file, kept).advice
    assert note.endswith("set csv.also_escaped to '.")
    assert CsvTable(file, dropped).advice == []
    assert "also before '" in CsvTable(file, dropped).words


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=4))
def test_texts_that_redshift_unloads_arrive_exactly(rows: list[tuple[str, str]]) -> None:
    """ADDQUOTES ESCAPE, by its manual: escapes before separator, quotation marks, line ends and escapes."""
    special = re.compile(r"""[|"'\\\n\r]""")
    lines = [
        "|".join(f'"{special.sub(lambda found: chr(92) + found[0], text)}"' for text in row) for row in rows
    ]
    settings_of_redshift = CsvSettings(
        separator="|", escape="\\", also_escaped="'", header=False, line_end="lf"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        got = read(path, settings_of_redshift, 11)
    assert got == [[text or None for text in row] for row in rows]


def test_rows_that_grow_are_noticed_in_a_stream_too() -> None:
    """A pipe cannot seek, so the length of its lines is estimated from the lines that are read."""
    read_end, write_end = os.pipe()
    text = b"1,2\n" * 200_000 + (b"x" * 99 + b"\n") * 50_000

    def write() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe:
        lengths = line_lengths(pipe, b"\n", 0, size_bytes=1)
        pipe.read()
    writer.join()
    assert (lengths[0], lengths[1]) == (4, 100)
    assert lengths == line_lengths(Piecemeal(text), b"\n", 0, size_bytes=1)


class Piecemeal(io.BytesIO):
    """A stream that gives less than it is asked for, as decompressors do."""

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000))
