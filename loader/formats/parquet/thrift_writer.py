"""Write structs of Thrift's compact protocol, for the footer of the small files that polars reads."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Int64(int):
    """A number with a 64-bit field; a plain int has a 32-bit field."""


class Int8(int):
    """A number from 0 to 127 with an 8-bit field."""


class Written(bytes):
    """A struct that is written already."""


Field = bool | int | str | bytes | Mapping[int, "Field"] | Sequence["Field"]


TRUE, FALSE, INT8, INT32, INT64, BINARY, LIST, STRUCT = 1, 2, 3, 5, 6, 8, 9, 12

_KINDS: Mapping[type, int] = {
    Int8: INT8,
    int: INT32,
    Int64: INT64,
    str: BINARY,
    bytes: BINARY,
    Written: STRUCT,
    list: LIST,
    tuple: LIST,
    dict: STRUCT,
}

_BYTES = [bytes([number]) for number in range(256)]

END = b"\0"
"""End of a struct."""

MAX_STEP = 15
"""If the distance of two field numbers is larger, the number follows the field's header."""

LONG_LIST = 15
"""If a list has at least this many members, its length follows its header."""


def written_struct(fields: Mapping[int, Field] | Written) -> bytes:
    """Return a struct. Its fields must be in ascending order of their numbers."""
    return fields if isinstance(fields, Written) else written_fields(fields) + END


def written_fields(fields: Mapping[int, Field], after: int = 0) -> bytes:
    """Return some fields of a struct, in ascending order of their numbers, without its end.

    Args:
        fields: The fields.
        after: Number of the field before them; 0 at the start of the struct.
    """
    parts: list[bytes] = []
    last = after
    for number, value in fields.items():
        kind = _kind(value)
        step = number - last
        parts.append(_BYTES[step << 4 | kind] if step <= MAX_STEP else _BYTES[kind] + _number(number))
        if kind not in (TRUE, FALSE):
            parts.append(_WRITERS[kind](value))
        last = number
    return b"".join(parts)


def written_int64s(numbers: Mapping[int, int], after: int = 0) -> bytes:
    """Return some fields with 64-bit numbers of at least zero, as `written_fields` does, in half of the time.

    Args:
        numbers: The numbers, by field number in ascending order. The distance of two is at most `MAX_STEP`.
        after: Number of the field before them; 0 at the start of the struct.
    """
    parts: list[bytes] = []
    for field, number in numbers.items():
        parts += (_BYTES[(field - after) << 4 | INT64], _varint(number << 1))
        after = field
    return b"".join(parts)


def _kind(value: Field) -> int:
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return STRUCT if isinstance(value, Mapping) else LIST


def _number(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _bytes(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _varint(len(content)) + content


def _list(value: Sequence[Field]) -> bytes:
    kind = _kind(value[0]) if value else STRUCT
    short = len(value) < LONG_LIST
    head = _BYTES[(len(value) if short else LONG_LIST) << 4 | kind]
    return head + (b"" if short else _varint(len(value))) + b"".join(map(_WRITERS[kind], value))


def _varint(number: int) -> bytes:
    if number <= 0x7F:  # noqa: PLR2004 - of the protocol: seven bits to a byte
        return _BYTES[number]
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


_WRITERS: Mapping[int, Callable[[Any], bytes]] = {
    INT8: lambda value: _BYTES[value],
    INT32: _number,
    INT64: _number,
    BINARY: _bytes,
    LIST: _list,
    STRUCT: written_struct,
}
