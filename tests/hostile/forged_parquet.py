"""Parquet written by hand, so that it can lie: about rows, sizes, offsets, lengths and types.

Only what the lies need of the format (parquet.thrift; Thrift's compact protocol): required text columns,
plain or by dictionary, one row group.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from tests.hostile.case import COLUMNS

I32, I64, TEXT, LIST, STRUCT = 5, 6, 8, 9, 12
BYTE_ARRAY, REQUIRED, UTF8, PLAIN, RLE = 6, 0, 0, 0, 3
CODECS = {"none": 0, "snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6}

Fields = Sequence[tuple[int, int, object]]
"""Number, type and value of the fields of a struct, by rising number."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A Parquet file and what is untrue in it.

    Attributes:
        rows: Its rows.
        codec: How its pages are compressed.
        lies: What it claims, by name: ``rows``, ``group_rows``, ``chunk_values``, ``page_values``,
            ``page_bytes``, ``compressed_bytes``, ``chunk_bytes``, ``offset``, ``text_bytes``,
            ``footer_bytes``, ``type``, ``encoding``, ``codec``, ``children``, ``dictionary_offset``.
        column: Number of the column whose page lies.
        page: The lying column's page, uncompressed, instead of its values.
    """

    rows: Sequence[tuple[str, ...]]
    codec: str = "none"
    lies: Mapping[str, int] = field(default_factory=dict)
    column: int = 0
    page: bytes | None = None
    names: Sequence[str] = COLUMNS

    def content(self) -> bytes:
        """Return the file."""
        body, chunks = b"PAR1", []
        for number, name in enumerate(self.names):
            lies = self.lies if number == self.column else {}
            page = self._page([row[number] for row in self.rows], lies)
            if number == self.column and self.page is not None:
                page = self.page
            packed = page if self.codec == "none" else pa.compress(page, self.codec, asbytes=True)
            header = self._header(len(page), len(packed), lies)
            size = len(header) + len(packed)
            chunks.append(self._chunk(name, len(body), size, len(header) + len(page), lies))
            body += header + packed
        footer = self._footer(chunks)
        return body + footer + struct.pack("<I", self.lies.get("footer_bytes", len(footer)) % 2**32) + b"PAR1"

    def _page(self, values: Sequence[str], lies: Mapping[str, int]) -> bytes:
        texts = [value.encode() for value in values]
        lengths = [len(text) for text in texts]
        if lengths and "text_bytes" in lies:
            lengths[len(lengths) // 2] = lies["text_bytes"] % 2**32
        return b"".join(struct.pack("<I", n) + text for n, text in zip(lengths, texts, strict=True))

    def _header(self, page_bytes: int, compressed_bytes: int, lies: Mapping[str, int]) -> bytes:
        data_page = [
            (1, I32, lies.get("page_values", len(self.rows))),
            (2, I32, lies.get("encoding", PLAIN)),
            (3, I32, RLE),
            (4, I32, RLE),
        ]
        return encoded(
            [
                (1, I32, 0),
                (2, I32, lies.get("page_bytes", page_bytes)),
                (3, I32, lies.get("compressed_bytes", compressed_bytes)),
                (5, STRUCT, data_page),
            ]
        )

    def _chunk(
        self, name: str, offset: int, chunk_bytes: int, unpacked_bytes: int, lies: Mapping[str, int]
    ) -> Fields:
        about = [
            (1, I32, lies.get("type", BYTE_ARRAY)),
            (2, LIST, (I32, [PLAIN, RLE])),
            (3, LIST, (TEXT, [name])),
            (4, I32, lies.get("codec", CODECS[self.codec])),
            (5, I64, lies.get("chunk_values", len(self.rows))),
            (6, I64, unpacked_bytes),
            (7, I64, lies.get("chunk_bytes", chunk_bytes)),
            (9, I64, lies.get("offset", offset)),
        ]
        if "dictionary_offset" in lies:
            about.append((11, I64, lies["dictionary_offset"]))
        return [(2, I64, offset), (3, STRUCT, about)]

    def _footer(self, chunks: Sequence[Fields]) -> bytes:
        root = [(4, TEXT, "schema"), (5, I32, self.lies.get("children", len(self.names)))]
        leaves = [
            [(1, I32, BYTE_ARRAY), (3, I32, REQUIRED), (4, TEXT, n), (6, I32, UTF8)] for n in self.names
        ]
        rows = self.lies.get("rows", len(self.rows))
        group = [
            (1, LIST, (STRUCT, chunks)),
            (2, I64, 1000),
            (3, I64, self.lies.get("group_rows", rows)),
        ]
        return encoded(
            [(1, I32, 1), (2, LIST, (STRUCT, [root, *leaves])), (3, I64, rows), (4, LIST, (STRUCT, [group]))]
        )


def nested(depth: int) -> bytes:
    """Return an empty Parquet file whose schema is this deep."""
    groups = [[(3, I32, REQUIRED), (4, TEXT, f"g{n}"), (5, I32, 1)] for n in range(depth)]
    leaf = [(1, I32, BYTE_ARRAY), (3, I32, REQUIRED), (4, TEXT, "leaf"), (6, I32, UTF8)]
    root = [(4, TEXT, "schema"), (5, I32, 1)]
    footer = encoded(
        [(1, I32, 1), (2, LIST, (STRUCT, [root, *groups, leaf])), (3, I64, 0), (4, LIST, (STRUCT, []))]
    )
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def encoded(fields: Fields) -> bytes:
    """Return a struct in Thrift's compact protocol."""
    parts, last = [], 0
    for number, kind, value in fields:
        parts += [bytes([(number - last) << 4 | kind]), _value(kind, value)]
        last = number
    return b"".join([*parts, b"\0"])


def _value(kind: int, value: object) -> bytes:
    if kind in (I32, I64):
        assert isinstance(value, int)
        return _varint((value << 1) ^ (value >> 63))
    if kind == TEXT:
        text = str(value).encode()
        return _varint(len(text)) + text
    if kind == STRUCT:
        return encoded(value)  # type: ignore[arg-type] # the type says so
    assert isinstance(value, tuple)  # a list: the type of its elements, and they
    of, values = value
    head = bytes([len(values) << 4 | of]) if len(values) < 15 else bytes([0xF0 | of]) + _varint(len(values))
    return head + b"".join(_value(of, each) for each in values)


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
