"""A Parquet file as pyarrow reads it, or DuckDB where pyarrow cannot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.arrow_values import values_of
from tests.corpus.duckdb_reader import duckdb_table
from tests.corpus.expected import OneOf
from tests.corpus.source import Source, Unreadable

NANOSECONDS = 2**63 // 1000
"""Microseconds from 1970 up to which a timestamp can be counted in nanoseconds."""


def read_parquet(path: Path) -> Source:
    """Read a Parquet file.

    Raises:
        Unreadable: No reader can.
    """
    said = []
    for read in (_with_pyarrow, _with_duckdb):
        try:
            return read(path)
        except Exception as error:  # noqa: BLE001 - whatever a reader cannot read
            said.append(f"{read.__name__}: {type(error).__name__}")
    raise Unreadable("; ".join(said).replace("_with_", ""))


def _with_pyarrow(path: Path) -> Source:
    file = pq.ParquetFile(path)
    table = file.read()
    legacy = _legacy_timestamps(file)
    wide = pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read() if legacy else table

    texts = _texts(file)

    def column(at: int, target: str) -> Sequence[Any]:
        name, array = table.schema.field(at).name, _whole(table.column(at))
        if name in texts and pa.types.is_binary(array.type):
            array = array.view(pa.string())
        if name not in legacy:
            return values_of(array, target)
        return _legacy(array, _whole(wide.column(at)), target)

    return Source("pyarrow", tuple(table.schema.names), table.num_rows, column)


def _legacy_timestamps(file: pq.ParquetFile) -> set[str]:
    """Return the columns of INT96 timestamps."""
    columns = [file.schema.column(at) for at in range(len(file.schema))]
    return {column.path for column in columns if column.physical_type == "INT96"}


def _texts(file: pq.ParquetFile) -> set[str]:
    """Return the columns of enums and JSON, which pyarrow reads as bytes."""
    columns = [file.schema.column(at) for at in range(len(file.schema))]
    return {column.path for column in columns if column.logical_type.type in ("ENUM", "JSON")}


def _legacy(nanoseconds: pa.Array, microseconds: pa.Array, target: str) -> list[Any]:
    """Return the forms of INT96 timestamps, which may be said to be UTC or to name no zone: readers differ.

    They are counted in nanoseconds where these do not overflow, else in microseconds.
    """
    wide = microseconds.view(pa.int64()).to_pylist()
    fits = all(value is None or -NANOSECONDS < value < NANOSECONDS for value in wide)
    texts = values_of(nanoseconds if fits else microseconds, target)
    return [
        OneOf((text, f"{text}Z")) if target == "string" and isinstance(text, str) else text for text in texts
    ]


def _with_duckdb(path: Path) -> Source:
    table = duckdb_table(path)

    def column(at: int, target: str) -> Sequence[Any]:
        return values_of(_whole(table.column(at)), target)

    return Source("DuckDB", tuple(table.schema.names), table.num_rows, column)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # extension types stay in chunks
        array = array.chunk(0) if array.num_chunks == 1 else pa.concat_arrays(array.chunks)
    return array
