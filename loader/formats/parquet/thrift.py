"""Read structs of Thrift's compact protocol, as Parquet keeps its footer and page headers in.

Rules kept here:

1. Pure, and for untrusted bytes: for any input, reading ends soon with a value or with
   ``Malformed``. No length is believed beyond the bytes that are there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

MAX_DEPTH = 32
"""Structs within structs: Parquet needs seven."""

VARINT_BYTES = 10
"""Of 64 bits, seven to a byte."""

Struct = Mapping[int, Any]
"""The fields of a struct by number; lists are tuples, texts bytes."""


class Malformed(Exception):
    """The bytes are not a struct of the compact protocol."""


def read_struct(content: bytes, start: int = 0) -> tuple[Struct, int]:
    """Return the struct that begins at ``start``, and where it ends.

    Raises:
        Malformed: There is none.
    """
    reader = _Reader(content, start)
    try:
        return reader.struct(0), reader.place
    except IndexError as error:
        raise Malformed("it is cut off") from error


class _Reader:
    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self.place = place
        self._values: Mapping[int, Callable[[int], Any]] = {
            1: lambda _: True,
            2: lambda _: False,
            3: lambda _: self._byte(),
            **dict.fromkeys((4, 5, 6), lambda _: self._zigzag()),
            7: lambda _: self._bytes(8),
            8: lambda _: self._bytes(self._varint()),
            9: self._list,
            10: self._list,
            12: self.struct,
        }

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > MAX_DEPTH:
            raise Malformed("its structs are nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        read = self._values.get(kind)
        if read is None:
            raise Malformed(f"it has a value of the unknown kind {kind}")
        return read(depth)

    def _list(self, depth: int) -> Sequence[Any]:
        if depth > MAX_DEPTH:
            raise Malformed("its lists are nested too deep")
        head = self._byte()
        length, kind = head >> 4, head & 15
        if length == 15:  # noqa: PLR2004 - of the protocol: then the length follows
            length = self._varint()
        if length > len(self._content) - self.place:
            raise Malformed("a list in it is longer than the bytes that are there")
        if kind in (1, 2):  # booleans in a list are a byte each, unlike those in a struct
            kind = 3
        return tuple([self._value(kind, depth + 1) for _ in range(length)])

    def _byte(self) -> int:
        byte = self._content[self.place]
        self.place += 1
        return byte

    def _bytes(self, length: int) -> bytes:
        end = self.place + length
        if end > len(self._content):
            raise IndexError
        taken = self._content[self.place : end]
        self.place = end
        return taken

    def _varint(self) -> int:
        number = 0
        for position in range(VARINT_BYTES):
            byte = self._byte()
            number |= (byte & 0x7F) << 7 * position
            if byte < 0x80:  # noqa: PLR2004 - of the protocol: the last byte
                return number
        raise Malformed("a number in it has too many bytes")

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
