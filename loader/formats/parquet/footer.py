"""Check what a Parquet file says of itself, before polars believes it.

Polars trusts a file's own numbers: on false ones it panics, takes all memory, or (a schema thousands of
levels deep) ends the process. So they are compared with each other and with the file first.

Rules kept here:

1. A file that is sound by its format passes, whoever wrote it; the bounds are far above what writers do.
2. The footer is checked when the file is opened; the pages of a column chunk before it is first read.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from loader.formats.parquet.thrift import Malformed, Struct, read_struct

MAGIC = b"PAR1"
TAIL_BYTES = 8
"""Length of the footer, four bytes, and the magic."""

MAX_FOOTER_BYTES = 256 * 2**20
MAX_DEPTH = 64
MAX_COLUMNS = 20_000

MAX_PAGE_BYTES = 128 * 2**20
"""Most bytes of an unpacked page: it is unpacked whole. Writers aim at 1 MiB, DuckDB at most at 100 MB."""

HEADER_BYTES = (512, 2**16, 2**24)
"""How much is read to find a page's header: most have less than 100 bytes, statistics of long texts more."""

REPEATED = 2
CRC = 4
DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3

DESCRIPTION = {DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_V2: 8}
"""Which field of a page's header describes a page of a kind."""

ENCODINGS = {DATA_PAGE: (2, 3, 4), DICTIONARY_PAGE: (2,), DATA_PAGE_V2: (4,)}
"""Which fields of that name encodings."""

KNOWN_ENCODINGS = frozenset({0, *range(2, 10)})
"""Of parquet.thrift; 1 was never in use."""


class Unsound(Exception):
    """A Parquet file that contradicts itself; the text says how, without values."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The values of one column in one row group.

    Attributes:
        column: Its column's outermost name.
        start: Where its first page begins.
        end: Where its last page ends.
        values: Number of its values.
    """

    column: str
    start: int
    end: int
    values: int


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group.

    Attributes:
        first_row: Position of its first row.
        rows: Number of its rows.
        chunks: Its column chunks.
    """

    first_row: int
    rows: int
    chunks: Sequence[Chunk]


def read_row_groups(handle: BinaryIO, size_bytes: int) -> list[RowGroup]:
    """Read and check the footer.

    Raises:
        Unsound: It is no footer, or its numbers contradict each other or the file.
        OSError: The file cannot be read.
    """
    footer, end = _footer(handle, size_bytes)
    repeated = _flat_columns(footer)
    groups: list[RowGroup] = []
    first_row = 0
    for group in _structs(footer, 4):
        rows = _number(group, 3, "a row group's number of rows")
        chunks = [_chunk(chunk, end) for chunk in _structs(group, 1)]
        if len(chunks) != len(repeated):
            raise Unsound(f"a row group has {len(chunks)} columns, its schema {len(repeated)}")
        for chunk, is_repeated in zip(chunks, repeated, strict=True):
            if not is_repeated and chunk.values != rows:
                raise Unsound(f"a row group of {rows} rows has {chunk.values} values in a column")
        groups.append(RowGroup(first_row, rows, chunks))
        first_row += rows
    rows = _number(footer, 3, "the number of rows")
    if rows != first_row:
        raise Unsound(f"its footer says {rows} rows, its row groups have {first_row}")
    return groups


def check_pages(handle: BinaryIO, chunk: Chunk) -> None:
    """Check the pages of a column chunk: sizes, numbers of values, and checksums if they have any.

    Raises:
        Unsound: They are not what the footer says, or unpack to more than MAX_PAGE_BYTES.
        OSError: The file cannot be read.
    """
    place, values = chunk.start, 0
    while values < chunk.values:
        if place >= chunk.end:
            raise Unsound(f"column '{chunk.column}' has {values} values where its footer says {chunk.values}")
        header, header_bytes = _page_header(handle, place, chunk.end)
        packed = _number(header, 3, "a page's size")
        unpacked = _number(header, 2, "a page's unpacked size")
        place += header_bytes + packed
        if place > chunk.end:
            raise Unsound(f"a page of column '{chunk.column}' is longer than its column")
        if unpacked > MAX_PAGE_BYTES:
            raise Unsound(
                f"a page of column '{chunk.column}' unpacks to {unpacked:,} bytes, "
                f"more than {MAX_PAGE_BYTES:,}"
            )
        if CRC in header and zlib.crc32(_read(handle, place - packed, packed)) != header[CRC] % 2**32:
            raise Unsound(f"a page of column '{chunk.column}' does not have the checksum it was written with")
        values += _page_values(header)
    if values != chunk.values:
        raise Unsound(f"column '{chunk.column}' has {values} values where its footer says {chunk.values}")


def _footer(handle: BinaryIO, size_bytes: int) -> tuple[Struct, int]:
    tail = _read(handle, max(0, size_bytes - TAIL_BYTES), TAIL_BYTES)
    if size_bytes < len(MAGIC) + TAIL_BYTES or tail[4:] != MAGIC:
        raise Unsound("it does not end with PAR1: it is cut off, or not all of it was written")
    footer_bytes = int.from_bytes(tail[:4], "little")
    start = size_bytes - TAIL_BYTES - footer_bytes
    if start < len(MAGIC) or footer_bytes > MAX_FOOTER_BYTES:
        raise Unsound(f"its footer would have {footer_bytes:,} bytes")
    try:
        footer, _ = read_struct(_read(handle, start, footer_bytes))
    except Malformed as error:
        raise Unsound(f"its footer cannot be read: {error}") from error
    return footer, start


def _flat_columns(footer: Struct) -> list[bool]:
    """Return for each column whether a row may have any number of its values."""
    elements = _structs(footer, 2)
    if not elements:
        raise Unsound("it has no schema")
    columns: list[bool] = []
    # How many children each group around the next element still lacks, and whether it repeats.
    open_groups: list[tuple[int, bool]] = [(_number(elements[0], 5, "its number of columns", 0), False)]
    for element in elements[1:]:
        while open_groups and open_groups[-1][0] == 0:
            open_groups.pop()
        if not open_groups:
            raise Unsound("its schema has more columns than it says")
        left, repeated = open_groups[-1]
        open_groups[-1] = (left - 1, repeated)
        repeated = repeated or element.get(3) == REPEATED
        children = _number(element, 5, "a column's number of parts", 0)
        if children:
            open_groups.append((children, repeated))
        else:
            columns.append(repeated)
        if len(open_groups) > MAX_DEPTH or len(columns) > MAX_COLUMNS:
            raise Unsound(f"its schema has more than {MAX_DEPTH} levels or {MAX_COLUMNS:,} columns")
    if any(left for left, _ in open_groups):
        raise Unsound("its schema has fewer columns than it says")
    return columns


def _chunk(chunk: Struct, end: int) -> Chunk:
    about = chunk.get(3)
    if not isinstance(about, dict):
        raise Unsound("a column has no description")
    path = about.get(3)
    if not isinstance(path, tuple) or not path or not isinstance(path[0], bytes):
        raise Unsound("a column has no name")
    values = _number(about, 5, "a column's number of values")
    name = path[0].decode(errors="replace")
    if not values:  # Arrow writes row groups without rows, whose columns begin nowhere
        return Chunk(name, 0, 0, 0)
    start, size = _number(about, 9, "where a column begins"), _number(about, 7, "a column's size")
    if about.get(11):  # some writers put 0 for no dictionary
        dictionary = _number(about, 11, "where a dictionary begins")
        if dictionary > start:
            raise Unsound("a dictionary comes after the values that need it")
        start = dictionary
    if start < len(MAGIC) or start + size > end:
        raise Unsound("a column lies outside the file")
    return Chunk(name, start, start + size, values)


def _page_header(handle: BinaryIO, place: int, end: int) -> tuple[Struct, int]:
    for most in HEADER_BYTES:
        wanted = min(most, end - place)
        try:
            return read_struct(_read(handle, place, wanted))
        except Malformed as error:
            if wanted < most or most == HEADER_BYTES[-1] or "cut off" not in str(error):
                raise Unsound(f"the header of a page cannot be read: {error}") from error
    raise AssertionError("HEADER_BYTES is empty")


def _page_values(header: Struct) -> int:
    kind = header.get(1, -1)
    if kind not in DESCRIPTION:
        return 0
    about = header.get(DESCRIPTION[kind])
    if not isinstance(about, dict):
        raise Unsound("a page has no description")
    if not KNOWN_ENCODINGS.issuperset(about.get(number, 0) for number in ENCODINGS[kind]):
        raise Unsound("a page has an encoding that Parquet does not know")
    return 0 if kind == DICTIONARY_PAGE else _number(about, 1, "a page's number of values")


def _structs(struct: Struct, number: int) -> Sequence[Struct]:
    found = struct.get(number, ())
    if not isinstance(found, tuple) or not all(isinstance(each, dict) for each in found):
        raise Unsound("its footer is not one of Parquet")
    return found


def _number(struct: Struct, number: int, what: str, default: int | None = None) -> int:
    value = struct.get(number, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unsound(f"{what} is missing or below zero")
    return value


def _read(handle: BinaryIO, place: int, size: int) -> bytes:
    handle.seek(place)
    content = handle.read(size)
    if len(content) != size:
        raise Unsound("it is shorter than it was")
    return content


def chunks_between(groups: Sequence[RowGroup], first_row: int, rows: int) -> Iterator[Chunk]:
    """Yield the column chunks of the row groups that hold some of these rows."""
    for group in groups:
        if group.first_row < first_row + rows and first_row < group.first_row + group.rows:
            yield from group.chunks
