"""Write structs of Thrift's compact protocol, for the footer of the small files that polars is given."""

from collections.abc import Mapping, Sequence


class Int64(int):
    """A number whose field has 64 bits; a plain int has 32."""


class Int8(int):
    """A number from 0 to 127 whose field has 8 bits."""


Field = bool | int | str | bytes | Mapping[int, "Field"] | Sequence["Field"]


TRUE, FALSE, INT8, INT32, INT64, BINARY, LIST, STRUCT = 1, 2, 3, 5, 6, 8, 9, 12
MAX_STEP = 15
"""Fields further apart than this have their number after their head."""

LONG_LIST = 15
"""Where a list has this many members or more, its length follows its head."""


def written_struct(fields: Mapping[int, Field]) -> bytes:
    """Return a struct; its fields must come in ascending order of their numbers."""
    parts: list[bytes] = []
    last = 0
    for number, value in fields.items():
        kind = _kind(value)
        step = number - last
        parts.append(bytes([step << 4 | kind]) if step <= MAX_STEP else bytes([kind]) + _written(number))
        if kind not in (TRUE, FALSE):
            parts.append(_written(value))
        last = number
    return b"".join(parts) + b"\0"


def _kind(value: Field) -> int:
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, Int8):
        return INT8
    if isinstance(value, int):
        return INT64 if isinstance(value, Int64) else INT32
    if isinstance(value, (str, bytes)):
        return BINARY
    return STRUCT if isinstance(value, Mapping) else LIST


def _written(value: Field) -> bytes:
    if isinstance(value, Int8):
        return bytes([value])
    if isinstance(value, int):
        return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if isinstance(value, (str, bytes)):
        content = value.encode() if isinstance(value, str) else value
        return _varint(len(content)) + content
    if isinstance(value, Mapping):
        return written_struct(value)
    kind = _kind(value[0]) if value else STRUCT
    short = len(value) < LONG_LIST
    head = bytes([(len(value) if short else LONG_LIST) << 4 | kind])
    return head + (b"" if short else _varint(len(value))) + b"".join(map(_written, value))


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - of the protocol: seven bits to a byte
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
