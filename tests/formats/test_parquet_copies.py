"""Copies of rejected Parquet rows: whatever is at fault is still there, under the types of the original."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.extract import open_extract
from loader.stage_settings.extract import extract_settings
from tests.formats.parquet_files import with_elements, written
from tests.formats.test_parquet_types import CUSTOM, INFINITY, LAST_DAY, change, int96, load, table_of

WIDE = pa.decimal256(50, 0)


def copied(tmp_path: Path, job_of: Any, content: bytes, rows: Sequence[int]) -> bytes:
    """Return the copy of some rows of a file."""
    path, copy = tmp_path / "x.parquet", tmp_path / "copy.parquet"
    path.write_bytes(content)
    extract = open_extract(extract_settings(job_of(extract=[str(path)], ignore_unknown=True, **CUSTOM)))
    extract.table(extract.files[0]).copy_rows(iter(rows), copy)
    return copy.read_bytes()


def typed(values: pa.Array, **fields: Any) -> bytes:
    """Return a file of a column whose schema element was changed."""
    return with_elements(written(table_of(values)), change(**fields))


FAULTY = {
    "timestamp": written(table_of(pa.array([0, INFINITY, None], pa.timestamp("us")))),
    "date": written(table_of(pa.array([0, 2**31 - 1], pa.date32()))),
    "time in us": typed(pa.array([0, -1, 86_400_000_000], pa.int64()), field_10={7: {1: True, 2: {2: {}}}}),
    "time in ms": typed(pa.array([0, 86_400_000, None], pa.int32()), field_6=7),
    "decimal": written(table_of(pa.array([Decimal(5), Decimal(10**40)], pa.decimal256(50, 2)))),
    "decimal of bytes": typed(pa.array([b"\x05", b"\x7f" * 20]), field_6=5, field_7=2, field_8=50),
    "8 bits": typed(pa.array([1, 300], pa.int32()), field_6=15),
    "16 bits without sign": typed(pa.array([1, -1, 70_000], pa.int32()), field_6=12),
    "INT96": int96((LAST_DAY, 0), (0, 1), (0, 86_400 * 10**9), (LAST_DAY, 1)),
    "text": typed(pa.array([b"a", b"\xff", b"\xc3("]), field_6=0),
    "text of a fixed length": typed(pa.array([b"ab", b"\xffa"], pa.binary(2)), field_6=0),
    "nothing": typed(pa.array([None, 5], pa.int32()), field_10={11: {}}),
    "seconds": written(table_of(pa.array([0, INFINITY], pa.duration("s")))),
    "list": written(table_of(pa.array([[0], None, [], [INFINITY, 0]], pa.list_(pa.timestamp("us"))))),
    "struct": written(
        table_of(pa.array([{"a": 0}, {"a": 2**31 - 1}, None], pa.struct([("a", pa.date32())])))
    ),
    "map": written(
        table_of(pa.array([[("k", 0)], [("k", -INFINITY)]], pa.map_(pa.string(), pa.timestamp("ms"))))
    ),
    "lists of wide decimals": written(
        table_of(pa.array([[[Decimal(1), None]], [None, [Decimal(10**40)]]], pa.list_(pa.list_(WIDE))))
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTY)
def test_an_uncorrected_copy_is_rejected_again(tmp_path: Path, job_of, kind: str) -> None:
    """Each row that was rejected is rejected again, for the same reason; no row loads without its value."""
    whole, rejected = load(tmp_path / "x.parquet", FAULTY[kind], job_of)
    assert rejected
    copy = copied(tmp_path, job_of, FAULTY[kind], [row for row, _, _ in rejected])
    loaded, again = load(tmp_path / "copy.parquet", copy, job_of)
    assert loaded == []
    assert [bad[1:] for bad in again] == [bad[1:] for bad in rejected]
    every = copied(tmp_path, job_of, FAULTY[kind], range(len(whole) + len(rejected)))
    assert load(tmp_path / "copy.parquet", every, job_of) == (whole, rejected)


@pytest.mark.parametrize("kind", [kind for kind in FAULTY if kind != "text of a fixed length"])
def test_pyarrow_reads_a_copy_as_it_reads_the_original(tmp_path: Path, job_of, kind: str) -> None:
    """The types are those of the original (pyarrow refuses text of a fixed length)."""
    (tmp_path / "original.parquet").write_bytes(FAULTY[kind])
    original = pq.ParquetFile(tmp_path / "original.parquet")
    copied(tmp_path, job_of, FAULTY[kind], range(original.metadata.num_rows))
    copy = pq.ParquetFile(tmp_path / "copy.parquet")
    found, wanted = copy.schema.column(1), original.schema.column(1)
    assert (found.physical_type, found.length, str(found.logical_type)) == (
        wanted.physical_type,
        wanted.length,
        str(wanted.logical_type),
    )
    if kind not in {"map", "nothing"}:  # the copy holds a list of the map's entries
        assert copy.schema_arrow.field("v").type == original.schema_arrow.field("v").type
    if kind not in {"map", "nothing", "text"}:
        assert copy.read().column("v").equals(original.read().column("v"))


def test_a_day_that_needs_no_nanoseconds_loads_without_the_rows_that_do(tmp_path: Path, job_of) -> None:
    """The value is exact either way: the copy of the far days alone can be read to the microsecond."""
    copy = copied(tmp_path, job_of, int96((LAST_DAY, 0), (0, 1)), [0])
    assert load(tmp_path / "copy.parquet", copy, job_of) == (["9999-12-31T00:00:00Z"], [])


def test_values_that_are_not_at_fault_are_copied_as_they_are(tmp_path: Path, job_of) -> None:
    """Fixed lengths, types that only the Arrow schema tells, hostile names, many row groups."""
    rows = 20_000
    columns = {
        "id": [f"r{row}" for row in range(rows)],
        "v": pa.array([dt.timedelta(seconds=row) for row in range(rows)], pa.duration("s")),
        "^.*$": pa.array([Decimal(row) / 4 for row in range(rows)], pa.decimal128(30, 2)),
        "": pa.array([row.to_bytes(16, "big") for row in range(rows)], pa.uuid()),
        "wide": pa.array(
            [{"a": [Decimal(row), None]} for row in range(rows)],
            pa.struct([("a", pa.list_(pa.decimal256(60, 0)))]),
        ),
        "half": pa.array([row % 100 / 4 for row in range(rows)], pa.float16()),
        "small": pa.array([row % 100 for row in range(rows)], pa.uint8()),
    }
    twice = pa.array(range(rows), pa.duration("ms"))
    table = pa.Table.from_arrays([twice, *columns.values(), twice], ["twice", *columns, "twice"])
    picked = list(range(0, rows, 3))
    copy = copied(tmp_path, job_of, written(table, row_group_size=7000), picked)
    assert pq.read_table(tmp_path / "copy.parquet").equals(pa.table(columns).take(picked))
    original, rejected = load(tmp_path / "x.parquet", written(table), job_of, ignore_unknown=True)
    assert rejected == []
    again, rejected = load(tmp_path / "copy.parquet", copy, job_of, ignore_unknown=True)
    assert rejected == []
    assert again == [original[row] for row in picked]


def test_a_corrected_copy_loads(tmp_path: Path, job_of) -> None:
    """What people do: read the copy, put the right value in, write it, load it."""
    copied(tmp_path, job_of, FAULTY["timestamp"], [1])
    copy = pq.read_table(tmp_path / "copy.parquet")
    right = pa.array([dt.datetime(2024, 7, 2)], copy.schema.field("v").type)  # noqa: DTZ001 - as the column's
    corrected = written(copy.set_column(1, "v", right))
    assert load(tmp_path / "corrected.parquet", corrected, job_of) == (["2024-07-02T00:00:00Z"], [])
