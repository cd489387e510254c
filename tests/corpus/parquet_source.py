"""A Parquet file as pyarrow reads it, or DuckDB where pyarrow cannot."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.arrow_values import values_of
from tests.corpus.duckdb_reader import duckdb_table
from tests.corpus.expected import Nested, OneOf
from tests.corpus.source import Source, Unreadable

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")


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
    """Return the columns of INT96 timestamps, and of lists and structs of them."""
    columns = [file.schema.column(at) for at in range(len(file.schema))]
    return {column.path.partition(".")[0] for column in columns if column.physical_type == "INT96"}


def _texts(file: pq.ParquetFile) -> set[str]:
    """Return the columns of enums and JSON, which pyarrow reads as bytes."""
    columns = [file.schema.column(at) for at in range(len(file.schema))]
    return {column.path for column in columns if column.logical_type.type in ("ENUM", "JSON")}


def _legacy(nanoseconds: pa.Array, microseconds: pa.Array, target: str) -> list[Any]:
    """Return the forms of INT96 timestamps, which may be said to be UTC or to name no zone: readers differ.

    They are counted in nanoseconds where these do not overflow, else in microseconds.
    """
    texts = values_of(nanoseconds if _fits(microseconds, nanoseconds.type) else microseconds, target)
    return [_with_or_without_zone(text) if target == "string" else text for text in texts]


def _fits(microseconds: pa.Array, kind: pa.DataType) -> bool:
    """Return whether timestamps, also those in lists and structs, can be counted in nanoseconds."""
    try:
        microseconds.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _with_or_without_zone(value: Any) -> Any:
    if isinstance(value, Nested):
        return OneOf((value, Nested(_with_or_without_zone(value.tree))))
    if isinstance(value, list):
        return [_with_or_without_zone(part) for part in value]
    if isinstance(value, tuple):
        return tuple((name, _with_or_without_zone(part)) for name, part in value)
    is_time = isinstance(value, str) and TIMESTAMP.fullmatch(value)
    return OneOf((value, f"{value}Z")) if is_time else value


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
