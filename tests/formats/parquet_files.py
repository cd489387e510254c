"""Parquet files that writers at hand do not write: the footer of a written file, changed."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loader.formats.parquet.thrift import read_struct
from loader.formats.parquet.thrift_writer import Field, Int64, written_struct


def written(table: pa.Table, **options: Any) -> bytes:
    """Return a table as pyarrow writes it."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def with_elements(content: bytes, change: Callable[[list[dict[int, Any]]], None]) -> bytes:
    """Return a file whose schema elements were changed, and whose Arrow schema was dropped."""
    length = int.from_bytes(content[-8:-4], "little")
    footer, _ = read_struct(content[-8 - length : -8])
    elements = [dict(element) for element in footer[2]]
    change(elements)
    groups: list[Field] = [
        {
            1: [_chunk(chunk, element) for chunk, element in zip(group[1], _leaves(elements), strict=True)],
            2: Int64(group[2]),
            3: Int64(group[3]),
        }
        for group in footer[4]
    ]
    sorted_elements: list[Field] = [dict(sorted(element.items())) for element in elements]
    written_footer = written_struct({1: 2, 2: sorted_elements, 3: Int64(footer[3]), 4: groups})
    body = content[: -8 - length]
    return body + written_footer + len(written_footer).to_bytes(4, "little") + b"PAR1"


def _leaves(elements: list[dict[int, Any]]) -> list[dict[int, Any]]:
    return [element for element in elements[1:] if not element.get(5)]


def _chunk(chunk: Any, element: dict[int, Any]) -> dict[int, Field]:
    about = chunk[3]
    fields: dict[int, Field] = {
        1: element[1],
        2: list(about[2]),
        3: list(about[3]),
        4: about[4],
        **{number: Int64(about[number]) for number in (5, 6, 7, 9, 11) if number in about},
    }
    return {2: Int64(chunk.get(2, 0)), 3: fields}
