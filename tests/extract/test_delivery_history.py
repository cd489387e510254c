"""A real extract: byte-order mark, lone carriage returns, words in date and number columns."""

import csv
from pathlib import Path

import pytest

from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.job import CsvSettings
from tests.formats.slices import slices_of

EXTRACT = Path(__file__).parents[2] / "sample_data" / "scms_delivery_history.csv"


@pytest.mark.parametrize("block_bytes", [5_000, 2**22])
def test_every_value_of_a_real_extract_is_what_the_csv_module_reads(block_bytes: int) -> None:
    """10,324 rows of 33 columns, cell by cell; empty cells hold no value."""
    text = EXTRACT.read_bytes().decode("utf-8-sig")
    header, *rows = csv.reader(text.split("\r"))
    table = CsvTable(find_files([str(EXTRACT)])[0], CsvSettings(), block_bytes)
    assert list(table.schema) == header
    pieces = [piece for rows in slices_of([table], tuple(header), 4_000) for piece in rows.pieces]
    assert all(not piece.bad for piece in pieces)
    read = [row for piece in pieces for row in piece.frame.rows()]
    assert len(read) == 10_324
    assert read == [tuple(cell or None for cell in row) for row in rows]
