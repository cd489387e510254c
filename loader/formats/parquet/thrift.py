"""Read structs of Thrift's compact protocol, the format of Parquet's footer and page headers.

Rules kept here:

1. Pure, and safe for untrusted bytes: for any input, reading ends soon with a value or with ``Malformed``. A
   length beyond the available bytes is never trusted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_MAX_DEPTH = 32
"""Maximum nesting of structs; Parquet needs seven levels."""

VARINT_BYTES = 10
"""Maximum bytes of a 64-bit number with seven bits per byte."""

MAX_BYTE = 0x7F
"""The last byte of a number has at most this value."""

TRUE, BYTE, DOUBLE, BINARY, STRUCT = 1, 3, 7, 8, 12
INTEGERS, BOOLEANS, LISTS = (4, 5, 6), (1, 2), (9, 10)
"""Kinds of values. A set is written like a list."""

Struct = Mapping[int, Any]
"""The fields of a struct by number. Lists are tuples, texts are bytes."""


class Malformed(Exception):
    """The bytes are not a struct of the compact protocol."""


class Truncated(Malformed):
    """The bytes end before the struct does."""


def read_struct(content: bytes, start: int = 0) -> tuple[Struct, int]:
    """Return the struct that begins at ``start``, and its end.

    Raises:
        Malformed: The bytes are not a struct.
    """
    return read_fields(content, start)


def read_fields(
    content: bytes, start: int, *, after: int = 0, until: int | None = None
) -> tuple[dict[int, Any], int]:
    """Return the fields of a struct from a place on, and their end.

    Args:
        content: The bytes.
        start: Start of the first of these fields.
        after: Number of the field before it; 0 at the start of the struct.
        until: Number of the last field to read, or None to read to the end of the struct.

    Raises:
        Malformed: The bytes are not fields.
    """
    reader = _Reader(content, start)
    try:
        return reader.struct(0, after, until), reader.place
    except IndexError as error:
        raise Truncated("it is truncated") from error


class _Reader:
    """Reads values one after another. Numbers of one byte are read in place, because most numbers are."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self.place = place

    def struct(self, depth: int, number: int = 0, until: int | None = None) -> dict[int, Any]:
        if depth > _MAX_DEPTH:
            raise Malformed("its structs are nested too deep")
        content, place = self._content, self.place
        fields: dict[int, Any] = {}
        while number != until:
            head = content[place]
            place += 1
            if not head:
                break
            kind, step = head & 15, head >> 4
            if step and kind in INTEGERS and (byte := content[place]) <= MAX_BYTE:
                number += step
                fields[number] = (byte >> 1) ^ -(byte & 1)
                place += 1
                continue
            self.place = place
            number = number + step if step else self._zigzag()
            fields[number] = self._value(kind, depth + 1)
            place = self.place
        self.place = place
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: PLR0911 - one for each kind of the protocol
        # The most frequent kind comes first, because a footer has thousands of values.
        if kind in INTEGERS:
            return self._zigzag()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct(depth)
        if kind in LISTS:
            return self._list(depth)
        if kind in BOOLEANS:
            return kind == TRUE
        if kind == BYTE:
            return self._bytes(1)[0]
        if kind == DOUBLE:
            return self._bytes(8)
        raise Malformed(f"it has a value of the unknown kind {kind}")

    def _list(self, depth: int) -> Sequence[Any]:
        if depth > _MAX_DEPTH:
            raise Malformed("its lists are nested too deep")
        head = self._content[self.place]
        self.place += 1
        length, kind = head >> 4, head & 15
        if length == 15:  # noqa: PLR2004 - of the protocol: then the length follows
            length = self._varint()
        if length > len(self._content) - self.place:
            raise Malformed("a list in it is longer than the available bytes")
        if kind in BOOLEANS:  # a boolean takes a byte in a list, but none in a struct
            kind = BYTE
        return tuple([self._value(kind, depth + 1) for _ in range(length)])

    def _bytes(self, length: int) -> bytes:
        end = self.place + length
        if end > len(self._content):
            raise IndexError
        taken = self._content[self.place : end]
        self.place = end
        return taken

    def _varint(self) -> int:
        byte = self._content[self.place]
        self.place += 1
        if byte <= MAX_BYTE:
            return byte
        number = byte & 0x7F
        for position in range(1, VARINT_BYTES):
            byte = self._content[self.place]
            self.place += 1
            number |= (byte & 0x7F) << 7 * position
            if byte <= MAX_BYTE:
                return number
        raise Malformed("a number in it has too many bytes")

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
