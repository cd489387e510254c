"""Copy rows of a Parquet file as stored: physical values with the file's own types.

polars writes a draft of physical values, in columns named ``0``, ``1`` and so on. Then the footer of the
draft is replaced by one with the original names and types. So a value that its type cannot represent is the
same in the copy, and its row is rejected again.

polars cannot write values of a fixed length, such as INT96 timestamps and UUIDs. Their pages are rewritten
after the others, without the length before each value.
"""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import polars as pl
from polars.io.plugins import register_io_source

from loader.errors import ExtractError
from loader.formats.parquet.arrow_schema import KEY, with_fields
from loader.formats.parquet.footer import MAGIC, TAIL_BYTES, read_bytes
from loader.formats.parquet.leaf_types import INT96_BYTES
from loader.formats.parquet.levels import GZIP_BITS
from loader.formats.parquet.pages import DATA_PAGE, DESCRIPTION, DICTIONARY_PAGE, page_header
from loader.formats.parquet.schema import BYTE_ARRAY, FIXED, INT96, Node, columns_of
from loader.formats.parquet.thrift import Struct, read_struct
from loader.formats.parquet.thrift_writer import Field, Int8, Int64, written_struct

COMPRESSION: Final = "gzip"
"""Codec of the draft: the only Parquet codec that Python can unpack."""

UNCOMPRESSED = 0
PLAIN = 0

LENGTH_BYTES = 4
"""Bytes of a BYTE_ARRAY's length, and of the length of a page's levels."""

TYPE_FIELDS = (1, 2, 6, 7, 8, 9, 10)
"""Fields of a SchemaElement that define the values of a leaf."""

INTEGER = 10
"""The logical type whose first field has 8 bits."""


@dataclass(frozen=True, slots=True)
class Original:
    """The columns of a file that are copied.

    Attributes:
        columns: The copied outermost columns, in their order.
        places: Their positions among all outermost columns.
        arrow_schema: Its Arrow schema, as in its metadata; empty without one.
        calendar: The metadata that decides about the calendar of its dates.
    """

    columns: Sequence[Node]
    places: Sequence[int]
    arrow_schema: bytes
    calendar: Mapping[bytes, bytes]


def write_parquet(
    frames: Iterator[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    target: Path | BinaryIO,
    compression: Literal["zstd", "gzip"] = "zstd",
) -> None:
    """Write frames of one schema to a Parquet file, with few of them in memory at a time.

    Raises:
        ExtractError: A frame cannot be produced.
        OSError: The file cannot be written.
    """
    failed: list[ExtractError] = []

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except ExtractError as error:  # polars would wrap it
            failed.append(error)

    register_io_source(source, schema=dict(schema)).sink_parquet(target, compression=compression)
    if failed:
        raise failed[0]


def give_types(path: Path, original: Original) -> None:
    """Replace the footer of a draft by one with the original names and types.

    Args:
        path: The draft, written by polars with ``COMPRESSION``, with columns in the order of the original.
        original: The original, for names and types.

    Raises:
        OSError: The file cannot be read or written.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        length = int.from_bytes(read_bytes(file, size - TAIL_BYTES, LENGTH_BYTES), "little")
        body_bytes = size - TAIL_BYTES - length
        draft, _ = read_struct(read_bytes(file, body_bytes, length))
        file.truncate(body_bytes)
        pairs = list(_leaves(columns_of(draft[2]), original.columns))
        groups: list[Field] = [
            {
                1: [_chunk(file, chunk, *pair) for chunk, pair in zip(group[1], pairs, strict=True)],
                2: Int64(group.get(2, 0)),
                3: Int64(group[3]),
            }
            for group in draft[4]
        ]
        footer: dict[int, Field] = {1: 2, 2: _elements(draft[2], original), 3: Int64(draft[3]), 4: groups}
        metadata = dict(original.calendar)
        if arrow := with_fields(original.arrow_schema, original.places):
            metadata[KEY] = arrow
        if metadata:
            footer[5] = [{1: key, 2: value} for key, value in metadata.items()]
        written = written_struct(footer | {6: "scn-loader"})
        file.seek(0, os.SEEK_END)
        file.write(written + len(written).to_bytes(LENGTH_BYTES, "little") + MAGIC)


def _leaves(drafts: Sequence[Node], originals: Sequence[Node]) -> Iterator[tuple[Node, Node, bytes]]:
    """Yield each leaf of the draft with its original and the name of its outermost column."""
    for draft, column in zip(drafts, originals, strict=True):
        for pair in zip(draft.leaves(), column.leaves(), strict=True):
            yield *pair, _name(column)


def _name(column: Node) -> bytes:
    name: bytes = column.element.get(4, b"")
    return name


def _elements(draft: Sequence[Struct], original: Original) -> list[Field]:
    """Return the draft's schema: its groups unchanged, its leaves with the original types."""
    leaves = iter([leaf for column in original.columns for leaf in column.leaves()])
    outermost = {
        id(node.element): _name(column)
        for node, column in zip(columns_of(draft), original.columns, strict=True)
    }
    elements: list[Field] = []
    for element in draft:
        fields = dict(element)
        if id(element) in outermost:
            fields[4] = outermost[id(element)]
        if not element.get(5) and elements:
            fields = {number: fields[number] for number in (3, 4)} | _type_of(next(leaves))
        elements.append(_ordered(fields))
    return elements


def _type_of(leaf: Node) -> dict[int, Any]:
    about = {number: leaf.element[number] for number in TYPE_FIELDS if number in leaf.element}
    logical = leaf.logical
    if logical is not None and logical[0] == INTEGER and isinstance(logical[1].get(1), int):
        about[10] = {INTEGER: {**logical[1], 1: Int8(logical[1][1])}}
    return about


def _ordered(value: Any) -> Any:
    """Return a struct with its fields in ascending order, as the protocol requires."""
    return (
        {number: _ordered(value[number]) for number in sorted(value)} if isinstance(value, Mapping) else value
    )


def _chunk(file: BinaryIO, chunk: Struct, draft: Node, leaf: Node, name: bytes) -> dict[int, Field]:
    about: Struct = chunk[3]
    length = {FIXED: leaf.length, INT96: INT96_BYTES}.get(leaf.physical)
    if length is not None and draft.physical == BYTE_ARRAY:
        about = {**about, **_written_again(file, about, draft, length)}
    fields: dict[int, Field] = {1: leaf.physical, 2: list(about[2]), 3: [name, *about[3][1:]], 4: about[4]}
    places = {number: Int64(about[number]) for number in (5, 6, 7, 9, 11) if about.get(number) is not None}
    return {2: Int64(0), 3: fields | places}


def _written_again(file: BinaryIO, about: Struct, draft: Node, length: int) -> dict[int, int]:
    """Rewrite the pages of a chunk at the end of the file, and return the changes to its ColumnMetaData."""
    place = about.get(11) or about[9]
    end = place + about[7]
    start = written = file.seek(0, os.SEEK_END)
    places: dict[int, int] = {}
    while place < end:
        header, header_bytes = page_header(file, place, end)
        packed = read_bytes(file, place + header_bytes, header[3])
        place += header_bytes + header[3]
        content = _without_lengths(zlib.decompress(packed, GZIP_BITS), header, draft, length)
        kind = header[1]
        page: dict[int, Field] = {
            1: kind,
            2: len(content),
            3: len(content),
            DESCRIPTION[kind]: header[DESCRIPTION[kind]],
        }
        places.setdefault(11 if kind == DICTIONARY_PAGE else 9, written)
        file.seek(0, os.SEEK_END)
        file.write(written_struct(page) + content)
        written = file.tell()
    return {4: UNCOMPRESSED, 6: written - start, 7: written - start, **places}


def _without_lengths(content: bytes, header: Struct, draft: Node, length: int) -> bytes:
    """Return an unpacked page without the length before each value."""
    start = 0
    if header[1] == DATA_PAGE:
        if header[DESCRIPTION[DATA_PAGE]][2] != PLAIN:
            return content  # indexes into the dictionary
        for most in (draft.repetition_level, draft.definition_level):
            if most:
                start += LENGTH_BYTES + int.from_bytes(content[start : start + LENGTH_BYTES], "little")
    step = LENGTH_BYTES + length
    places = range(start + LENGTH_BYTES, len(content), step)
    return content[:start] + b"".join([content[place : place + length] for place in places])
