"""Check the metadata of a Parquet file before polars relies on it.

polars trusts the numbers in a file. With wrong numbers it panics, uses all memory, or (for a schema with
thousands of levels) ends the process. So the numbers are first compared with each other and with the file.

Rules kept here:

1. A file that is valid by the format passes, whichever program wrote it. The limits are far above what
   writers use.
2. The footer is checked when the file is opened, and the pages of a column chunk before its first read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from loader.formats.parquet import arrow_schema
from loader.formats.parquet.schema import REPEATED, Node, columns_of
from loader.formats.parquet.thrift import Malformed, Struct, read_fields
from loader.formats.spark_calendar import calendar_metadata

MAGIC = b"PAR1"
TAIL_BYTES = 8
"""Length of the footer, four bytes, and the magic."""

MAX_FOOTER_BYTES = 256 * 2**20
_MAX_DEPTH, _MAX_COLUMNS = 64, 20_000

_SCHEMA = 2
"""Number of the footer's field with the schema; only the version precedes it."""

KNOWN_SCHEMAS = 8
"""Number of cached schemas: the files of an extract have one or a few."""

NEEDED = (2, 4, 6, 9, 11)
"""Fields of ColumnMetaData that are kept: encodings, compression, unpacked size, first page, dictionary."""


class Unsound(Exception):
    """A Parquet file that contradicts itself; the text states how, without values."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column chunk: the values of one leaf column in one row group.

    Attributes:
        column: The outermost name of its column.
        start: Start of its first page.
        end: End of its last page.
        values: Number of its values.
        rows: Number of rows of its row group.
        about: The needed fields of its ColumnMetaData, by field number of parquet.thrift.
        leaf: Its leaf in the schema.
        missing: Why its values are not in the file; empty if they are.
    """

    column: str
    start: int
    end: int
    values: int
    rows: int = 0
    about: Struct = field(default_factory=dict, compare=False, repr=False)
    leaf: Node | None = field(default=None, compare=False, repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group.

    Attributes:
        first_row: Position of its first row.
        rows: Number of its rows.
        chunks: Its column chunks, in the order of the schema's leaves.
    """

    first_row: int
    rows: int
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The columns of a file. It is equal only to itself, so that results for it can be cached.

    Attributes:
        columns: The outermost columns.
        leaves: Their leaves, in file order.
        names: For each leaf, the name of its outermost column.
        repeated: For each leaf, whether a row may have any number of its values.
    """

    columns: Sequence[Node]
    leaves: Sequence[Node]
    names: Sequence[str]
    repeated: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Footer:
    """The checked metadata of a Parquet file.

    Attributes:
        rows: Number of its rows.
        schema: Its columns. Files whose schemas have the same bytes share this object.
        groups: Its row groups.
        arrow_types: Types of leaves from the Arrow schema; empty without one.
        arrow_schema: The Arrow schema, as in the metadata.
        keys: Keys of the other metadata that its writer added.
        calendar: The part of it that decides about the calendar of dates.
    """

    rows: int
    schema: Schema
    groups: Sequence[RowGroup]
    arrow_types: Sequence[arrow_schema.ArrowType]
    arrow_schema: bytes = b""
    keys: frozenset[object] = frozenset()
    calendar: Mapping[bytes, bytes] = field(default_factory=dict)


_known_schemas: dict[bytes, tuple[dict[int, Any], Schema]] = {}
"""Cached schemas, by the bytes from the footer's start to the schema's end."""


def read_footer(handle: BinaryIO, size_bytes: int) -> Footer:
    """Read and check the footer.

    Raises:
        Unsound: The bytes are not a footer, or numbers in it contradict each other or the file.
        OSError: The file cannot be read.
    """
    footer, schema, end = _footer(handle, size_bytes)
    leaves = schema.leaves
    groups: list[RowGroup] = []
    indexes: list[int] = []
    first_row = 0
    for group in structs(footer, 4):
        rows = number_of(group, 3, "a row group's number of rows")
        found = structs(group, 1)
        if len(found) != len(leaves):
            raise Unsound(f"a row group has {len(found)} columns, its schema {len(leaves)}")
        chunks = [
            _chunk(chunk, end, rows, name, leaf)
            for chunk, name, leaf in zip(found, schema.names, leaves, strict=True)
        ]
        for chunk, is_repeated in zip(chunks, schema.repeated, strict=True):
            if not chunk.missing and not is_repeated and chunk.values != rows:
                raise Unsound(f"a row group of {rows} rows has {chunk.values} values in a column")
        groups.append(RowGroup(first_row, rows, chunks))
        first_row += rows
        indexes += map(_indexes_end, found)
    _refuse_joined(handle, groups, indexes, end)
    rows = number_of(footer, 3, "the number of rows")
    if rows != first_row:
        raise Unsound(f"its footer states {rows} rows, its row groups have {first_row}")
    stored = {entry.get(1): entry.get(2) for entry in reversed(structs(footer, 5))}
    metadata = stored.get(arrow_schema.KEY)
    metadata = metadata if isinstance(metadata, bytes) else b""
    arrow_types = arrow_schema.leaf_types(metadata)
    if len(arrow_types) != len(leaves):
        arrow_types, metadata = (), b""
    return Footer(rows, schema, groups, arrow_types, metadata, frozenset(stored), calendar_metadata(stored))


def _footer(handle: BinaryIO, size_bytes: int) -> tuple[Struct, Schema, int]:
    tail = read_bytes(handle, max(0, size_bytes - TAIL_BYTES), TAIL_BYTES)
    if size_bytes < len(MAGIC) + TAIL_BYTES or tail[4:] != MAGIC:
        raise Unsound("it does not end with PAR1: it is truncated, or was not written completely")
    footer_bytes = int.from_bytes(tail[:4], "little")
    start = size_bytes - TAIL_BYTES - footer_bytes
    if start < len(MAGIC) or footer_bytes > MAX_FOOTER_BYTES:
        raise Unsound(f"its footer would have {footer_bytes:,} bytes")
    try:
        footer, schema = _with_schema(read_bytes(handle, start, footer_bytes))
    except Malformed as error:
        raise Unsound(f"its footer cannot be read: {error}") from error
    return footer, schema, start


def _with_schema(content: bytes) -> tuple[Struct, Schema]:
    """Return a footer and its schema; a cached schema is not parsed again."""
    known = next((each for each in list(_known_schemas.items()) if content.startswith(each[0])), None)
    if known is None:
        first, end = read_fields(content, 0, until=_SCHEMA)
        elements = structs(first, _SCHEMA)
        known = content[:end], (first, _schema_of(elements, _flat_columns(elements)))
        if len(_known_schemas) >= KNOWN_SCHEMAS:
            _known_schemas.clear()
        _known_schemas[known[0]] = known[1]
    begin, (first, schema) = known
    rest, _ = read_fields(content, len(begin), after=_SCHEMA)
    if _SCHEMA in rest:
        raise Unsound("it has two schemas")
    return {**first, **rest}, schema


def _schema_of(elements: Sequence[Struct], repeated: Sequence[bool]) -> Schema:
    columns = columns_of(elements)
    leaves = [(leaf, column.name) for column in columns for leaf in column.leaves()]
    return Schema(columns, [leaf for leaf, _ in leaves], [name for _, name in leaves], repeated)


def _flat_columns(elements: Sequence[Struct]) -> list[bool]:
    """Return, for each column, whether a row may have any number of its values."""
    if not elements:
        raise Unsound("it has no schema")
    columns: list[bool] = []
    # Number of missing children of each group around the next element, and whether the group repeats.
    open_groups: list[tuple[int, bool]] = [(number_of(elements[0], 5, "its number of columns", 0), False)]
    for element in elements[1:]:
        while open_groups and open_groups[-1][0] == 0:
            open_groups.pop()
        if not open_groups:
            raise Unsound("its schema has more columns than it states")
        left, repeated = open_groups[-1]
        open_groups[-1] = (left - 1, repeated)
        repeated = repeated or element.get(3) == REPEATED
        children = number_of(element, 5, "a column's number of parts", 0)
        if children:
            open_groups.append((children, repeated))
        else:
            columns.append(repeated)
        if len(open_groups) > _MAX_DEPTH or len(columns) > _MAX_COLUMNS:
            raise Unsound(f"its schema has more than {_MAX_DEPTH} levels or {_MAX_COLUMNS:,} columns")
    if any(left for left, _ in open_groups):
        raise Unsound("its schema has fewer columns than it states")
    return columns


def _chunk(chunk: Struct, end: int, rows: int, column: str, leaf: Node) -> Chunk:
    if chunk.get(1):
        return Chunk(column, 0, 0, 0, missing="values in another file")
    about = chunk.get(3)
    if chunk.get(8) is not None:
        return Chunk(column, 0, 0, 0, missing="encrypted values")
    if not isinstance(about, dict):
        raise Unsound("a column has no description")
    path = about.get(3)
    if not isinstance(path, tuple) or not path or not isinstance(path[0], bytes):
        raise Unsound("a column has no name")
    if about.get(1) != leaf.physical:
        raise Unsound(f"column '{column}' has another type in a row group than in the schema")
    values = number_of(about, 5, "a column's number of values")
    needed = {number: about[number] for number in NEEDED if number in about}
    if not values:  # Arrow writes row groups without rows, whose columns have no start
        return Chunk(column, 0, 0, 0, rows, needed, leaf)
    start, size = number_of(about, 9, "the start of a column"), number_of(about, 7, "a column's size")
    if about.get(11):  # some writers use 0 for no dictionary
        dictionary = number_of(about, 11, "the start of a dictionary")
        if dictionary > start:
            raise Unsound("a dictionary comes after the values that need it")
        start = dictionary
    if start < len(MAGIC) or start + size > end:
        raise Unsound("a column is outside the file")
    return Chunk(column, start, start + size, values, rows, needed, leaf)


def _refuse_joined(handle: BinaryIO, groups: Sequence[RowGroup], indexes: Sequence[int], end: int) -> None:
    """Refuse several files in one: the offsets of the last footer count from the start of its own file."""
    last = max([len(MAGIC), *indexes, *(chunk.end for group in groups for chunk in group.chunks)])
    others = end - last  # the length of the files before
    if others > TAIL_BYTES and read_bytes(handle, others - len(MAGIC), 2 * len(MAGIC)) == 2 * MAGIC:
        raise Unsound("it consists of several Parquet files that were joined")


def _indexes_end(chunk: Struct) -> int:
    """Return the end of a column's page indexes and Bloom filter; 0 without any."""
    about = chunk.get(3)
    filters = (about.get(14), about.get(15)) if isinstance(about, dict) else (None, None)
    places = (filters, (chunk.get(4), chunk.get(5)), (chunk.get(6), chunk.get(7)))
    return max((a + b for a, b in places if isinstance(a, int) and isinstance(b, int)), default=0)


def structs(struct: Struct, number: int) -> Sequence[Struct]:
    """Return the structs in a field with a list of structs; empty if the field is missing."""
    found = struct.get(number) or ()
    if not isinstance(found, tuple) or not all(isinstance(each, dict) for each in found):
        raise Unsound("its footer is not a Parquet footer")
    return found


def number_of(struct: Struct, number: int, what: str, default: int | None = None) -> int:
    """Return the number in a field that must have a number of at least zero."""
    value = struct.get(number, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unsound(f"{what} is missing or below zero")
    return value


def read_bytes(handle: BinaryIO, place: int, size: int) -> bytes:
    """Return all bytes of a range."""
    handle.seek(place)
    content = handle.read(size)
    if len(content) != size:
        raise Unsound("it is shorter than when it was opened")
    return content
