"""Rows that are copied to a file of their own, as for correction: each is read as it was in its file."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.formats.csv.blocks import read_blocks
from loader.formats.csv.dialect import read_dialect
from loader.formats.csv.table import CsvTable
from loader.job import CsvSettings

FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "tabs, quotes and line ends in values": (
        b'id\tqty\tnote\r\na\t1\t"x\t""y"""\r\nb\t2\t"x\r\ny"\r\nc\t3\td\te\r\nd\t4\t"a"b\r\ne\t5\t\\N\r\n',
        {},
    ),
    "a separator without quotes before an empty last field": (
        b"name,city,note\nAnn,Rome,\nSmith, John,Rome,\nLee, Al,Oslo,\n",
        {},
    ),
    "an empty field after the last column": (b"id,qty\na,1,\nSmith, John,3,\nb,2,,\nc,3\nd,4,\n", {}),
    "a header that ends with a separator": (b"id,qty,\na,1,\nSmith, John,3\nb,2,\nc,3\n", {}),
    "a header that ends with a separator, unlike its rows": (b"id,qty,\na,1\nSmith, John,3\nb\n", {}),
    "an index without a name": (b",id,qty\n1,a,5\n,b,6\n3,c\n", {}),
    "no header": (b'a,1,x\nb,2\nc,3,y,4\n"d"e,4,z\nf,5,z,\n', {"header": False}),
    "no header, names from the job": (
        b'a,1,x\nb,2\n"d"e,4,z\n',
        {"header": False, "columns": ["id", "qty", "note"]},
    ),
    "CR, with a line feed": (b"id,qty\ra,1\r\nb,2\rc,3\r", {}),
    "CR CR LF": (b'a,1\r\r\n"b\r\r\n",2\r\r\nc,"3"x\r\r\n', {"header": False}),
    "CR CR LF, with a line that names the separator": (b"sep=;\r\r\na;1\r\r\nb;2\r\r\n", {"header": False}),
    "short rows": (b"a;1;x\nb\n;2\n", {"header": False, "short_rows": "fill"}),
}


def rows_of(table: CsvTable) -> Iterator[object]:
    """Yield the columns of a file with their values in each row, or the code of its rejection."""
    columns = table.dialect.columns
    for block in read_blocks(table.file, table.dialect):
        frame, bad = block.parse(columns)
        faults = {record.index: record.fault.code for record in bad}
        for index, row in enumerate(frame.rows()):
            yield faults.get(index, dict(zip(columns, row, strict=True)))


def table_at(path: Path, settings: dict[str, Any]) -> CsvTable:
    (file,) = find_files([str(path)], named_format="csv")
    table = CsvTable(file, CsvSettings(**settings))
    table.require_empty([name for name, row in table.nameless.items() if row is None])
    return table


@pytest.mark.parametrize("name", FILES)
def test_rows_mean_the_same_in_a_file_of_their_own(tmp_path: Path, name: str) -> None:
    """The first rows show how a file is written, and a copy has other first rows."""
    text, settings = FILES[name]
    path, copy = tmp_path / "all.csv", tmp_path / "some.csv"
    path.write_bytes(text)
    table = table_at(path, settings)
    rows = list(rows_of(table))
    # Flags repeat a setting with several values; all others have one.
    found = {
        setting: values if setting == "empty_columns" else values[0]
        for setting, values in table.settings_found.items()
    }
    for count in range(1, len(rows) + 1):
        for some in combinations(range(len(rows)), count):
            table.copy_rows(iter(some), copy)
            assert list(rows_of(table_at(copy, settings | found))) == [rows[row] for row in some], some


def test_the_number_of_fields_can_be_set(tmp_path: Path) -> None:
    """It holds for rows that show another number, and a header with more names does not fit it."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,1\nb,2,x\n")
    assert list(rows_of(table_at(path, {"header": False, "row_fields": 3}))) == [
        "WrongFieldCount",
        {"column_1": "b", "column_2": "2", "column_3": "x"},
    ]
    with pytest.raises(ExtractError) as caught:
        read_dialect(str(path), CsvSettings(row_fields=1))
    assert "csv.row_fields is 1, but the file has 2 columns" in str(caught.value)
