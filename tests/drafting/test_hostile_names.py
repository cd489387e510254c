"""Names of columns that mean something to polars or to us are names, in every format and command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.drafting.draft import draft_job
from loader.extract import open_extract
from loader.preview.samples import sample_values
from loader.stage_settings.extract import extract_settings
from tests.thoroughness import examples

PATTERNS = ("^.*$", "^id$", "*", "^(a)$", "(?i)x", ".*", "a|b", "\\d")
WORDS = (
    "count",
    "len",
    "literal",
    "index",
    "row",
    "value",
    "text",
    "name",
    "key",
    "group",
    "timestamp",
    "size",
)
OURS = ("row()", "group()", "timestamp()", "quoted()", "size()", "result()", "quoted", "column", "0", "1", "")
SIGNS = ("a b", "a.b", "a/b", "a'b", "ä", "\t", "{}", "$1", "Id", "ID", "__row", "%s", "a\\", "NULL", "null")

NAMES = st.sampled_from((*PATTERNS, *WORDS, *OURS, *SIGNS)) | st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x00\ufeff", exclude_categories=("Cs", "Cc")),
    max_size=8,
)

RULES: dict[str, Any] = {
    "reservation_detail_id": {"constant": "1"},
    "quantity": {"constant": "1"},
    "reservation_date": {"constant": "2024-01-01"},
    "site_id": {"constant": "S"},
}


def csv(names: list[str], rows: list[list[str]]) -> bytes:
    """Return a CSV file with every field in quotes."""
    lines = [",".join('"' + field.replace('"', '""') + '"' for field in line) for line in [names, *rows]]
    return "".join(f"{line}\n" for line in lines).encode()


def ndjson(names: list[str], rows: list[list[str]]) -> bytes:
    """Return an NDJSON file."""
    return b"".join(json.dumps(dict(zip(names, row, strict=True))).encode() + b"\n" for row in rows)


def parquet(names: list[str], rows: list[list[str]]) -> bytes:
    """Return a Parquet file."""
    sink = pa.BufferOutputStream()
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, names=names), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("write", [csv, ndjson, parquet])
@settings(
    max_examples=examples(12, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, min_size=2, max_size=4, unique=True))
def test_columns_with_any_name_are_drafted_and_loaded(
    tmp_path: Path, job_of, write: Callable[[list[str], list[list[str]]], bytes], names: list[str]
) -> None:
    """A job is drafted, the mapped columns give their values, and samples and copies are of these columns."""
    known = (
        [name.strip() for name in names] if write is csv else names
    )  # blanks around a CSV name are not of it
    if write is csv and (not all(known) or len(set(known)) < len(known)):
        return  # a CSV column without a name is called by its number, and names alike are refused
    rows = [[f"{row}-{position}" for position in range(len(names))] for row in range(3)]
    path = tmp_path / f"x.{write.__name__}"
    path.write_bytes(write(names, rows))
    job = {"extract": [str(path)], "event_type": "scn.data.reservation", "csv": {"separator": ","}}
    assert draft_job(job_of(**job), tmp_path).text
    mapping = RULES | {"reservation_id": {"column": known[0]}, "product_id": {"column": known[1]}}
    extract = open_extract(extract_settings(job_of(**job, mapping=mapping, ignore_unknown=True)))
    (window,) = extract.slices()
    records = extract.records(window)
    found = [(each["reservation_id"], each["product_id"]) for each in map(orjson.loads, records.data)]
    assert found == [(row[0], row[1]) for row in rows]
    samples = sample_values(window.pieces[0], records, extract.mappings[0])
    assert samples["product_id"] == tuple((row[1], row[1]) for row in rows)
    copy = tmp_path / f"copy.{write.__name__}"
    extract.table(extract.files[0]).copy_rows(iter([1]), copy)
    if write is parquet:
        assert pl.read_parquet(copy).rows() == [tuple(rows[1])]
    else:
        assert copy.read_bytes() == write(names, [rows[1]])


def test_blanks_around_the_name_of_a_csv_column_are_not_part_of_it(tmp_path: Path, job_of) -> None:
    """They are mostly there for the eye; a column whose name is blanks only is called by its number."""
    path = tmp_path / "x.csv"
    path.write_bytes(csv([" a ", "\t"], [["1", "2"]]))
    mapping = RULES | {"reservation_id": {"column": "a"}, "product_id": {"column": "(column 2)"}}
    extract = open_extract(
        extract_settings(job_of(extract=[str(path)], event_type="scn.data.reservation", mapping=mapping))
    )
    (record,) = [orjson.loads(data) for window in extract.slices() for data in extract.records(window).data]
    assert (record["reservation_id"], record["product_id"]) == ("1", "2")
