"""Read types that only the Arrow schema in a Parquet file's metadata has: durations, 128-bit integers.

Parquet has no types for these and stores them as plain 64-bit integers and 16 bytes. The rest of the Arrow
schema (zones, dictionaries, list kinds) repeats or decorates the Parquet schema, so it is not read. A zone or
type that polars does not support is therefore harmless.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

KEY = b"ARROW:schema"

INT, DURATION = 2, 18
"""Members of the union ``Type`` in Arrow's Schema.fbs."""

_UNITS = ("s", "ms", "us", "ns")
DEFAULT_UNIT = 1

MAX_FIELDS = 100_000
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class ArrowType:
    """Properties of a leaf column that only the Arrow schema has.

    Attributes:
        duration: The unit of a duration: ``s``, ``ms``, ``us`` or ``ns``.
        bits: The width of an integer, otherwise 0.
        signed: Whether the integer is signed.
    """

    duration: str | None = None
    bits: int = 0
    signed: bool = True


@lru_cache(maxsize=32)
def leaf_types(metadata: bytes) -> Sequence[ArrowType]:
    """Return the types of the leaf columns, in order; empty if the metadata cannot be read."""
    try:
        content = base64.b64decode(metadata, validate=True)
        schema = _Table.root(content[_start(content) :]).table(2)
        leaves: list[ArrowType] = []
        for field in schema.tables(1) if schema else ():
            _add_leaves(field, leaves, 0)
    except (binascii.Error, struct.error, ValueError, IndexError):
        return ()
    return tuple(leaves)


def with_fields(metadata: bytes, places: Sequence[int]) -> bytes:
    """Return a schema with only some of the outermost fields (ascending); empty if it cannot be read."""
    try:
        content = bytearray(base64.b64decode(metadata, validate=True))
        start = _start(content)
        schema = _Table.root(bytes(content[start:])).table(2)
        vector = schema.vector(1) if schema else None
        if vector is None:
            return b""
        entries = [start + vector + 4 + 4 * place for place in range(len(places))]
        fields = [start + vector + 4 + 4 * place for place in places]
        fields = [field + _at(content, field, "I") for field in fields]
        struct.pack_into("<I", content, start + vector, len(places))
        for entry, field in zip(entries, fields, strict=True):
            struct.pack_into("<I", content, entry, field - entry)
    except (binascii.Error, struct.error, ValueError, IndexError):
        return b""
    return base64.b64encode(content)


def _start(content: bytes | bytearray) -> int:
    """Return the start of the message: after its length, and the marker that newer writers put first."""
    return 8 if content[:4] == b"\xff\xff\xff\xff" else 4


def _add_leaves(field: "_Table", leaves: list[ArrowType], depth: int) -> None:
    if depth > _MAX_DEPTH or len(leaves) > MAX_FIELDS:
        raise ValueError
    children = field.tables(5)
    for child in children:
        _add_leaves(child, leaves, depth + 1)
    if children:
        return
    kind, about = field.number(2, "B", 0), field.table(3)
    is_dictionary = field.table(4) is not None
    if kind == DURATION and about is not None:
        leaves.append(ArrowType(duration=_UNITS[about.number(0, "h", DEFAULT_UNIT)]))
    elif kind == INT and about is not None and not is_dictionary:
        leaves.append(ArrowType(bits=about.number(0, "i", 0), signed=bool(about.number(1, "B", 0))))
    else:
        leaves.append(ArrowType())


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a flatbuffer: its fields are found through its vtable."""

    content: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, _at(content, 0, "I"))

    def _field(self, number: int) -> int | None:
        vtable = self.place - _at(self.content, self.place, "i")
        entry = 4 + 2 * number
        if vtable < 0 or entry >= _at(self.content, vtable, "H"):
            return None
        offset = _at(self.content, vtable + entry, "H")
        return self.place + offset if offset else None

    def number(self, number: int, kind: str, default: int) -> int:
        place = self._field(number)
        return default if place is None else _at(self.content, place, kind)

    def table(self, number: int) -> "_Table | None":
        place = self._field(number)
        return None if place is None else _Table(self.content, place + _at(self.content, place, "I"))

    def vector(self, number: int) -> int | None:
        place = self._field(number)
        return None if place is None else place + _at(self.content, place, "I")

    def tables(self, number: int) -> "Sequence[_Table]":
        vector = self.vector(number)
        if vector is None:
            return ()
        length = _at(self.content, vector, "I")
        if length > MAX_FIELDS:
            raise ValueError
        places = [vector + 4 + 4 * index for index in range(length)]
        return [_Table(self.content, each + _at(self.content, each, "I")) for each in places]


def _at(content: bytes | bytearray, place: int, kind: str) -> int:
    value: int = struct.unpack_from(f"<{kind}", content, place)[0]
    return value
