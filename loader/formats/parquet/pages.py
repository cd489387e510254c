"""Read the pages of column chunks, and check them before polars decodes them."""

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from loader.formats.parquet.footer import Chunk, Unsound, number_of, read_bytes
from loader.formats.parquet.levels import BadLevels, count_equal, first_level, unpacked_start
from loader.formats.parquet.schema import FIXED, INT96
from loader.formats.parquet.thrift import Malformed, Struct, Truncated, read_struct
from loader.sources.s3.objects import S3Object
from loader.sources.s3.ranged_reads import PARTS_AHEAD

_PART_BYTES = 8 * 2**20
"""Bytes of an object in S3 per request."""

MAX_PAGE_BYTES = 128 * 2**20
"""Maximum size of an unpacked page, which is unpacked completely. Writers aim at 1 MiB, DuckDB at up to 100
MB."""

HEADER_BYTES = (512, 2**16, 2**24)
"""Bytes to read for a page's header: most have fewer than 100 bytes, statistics of long texts need more."""

CRC = 4
DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3

DESCRIPTION = {DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_V2: 8}
"""The field of a page's header that describes each kind of page."""

ENCODINGS = {DATA_PAGE: (2, 3, 4), DICTIONARY_PAGE: (2,), DATA_PAGE_V2: (4,)}
"""The numbers of the fields with encodings in that description."""

RLE = 3

UNDECODABLE_FIXED = {7: "DELTA_BYTE_ARRAY", 9: "BYTE_STREAM_SPLIT"}
"""Encodings that polars does not support for values of a fixed length."""

HALF_FLOATS: tuple[int, Struct] = (15, {})
"""The logical type of a fixed length for which polars supports these encodings."""

LEVELS_LENGTH_BYTES = 4
"""Bytes of the length before the levels of a V1 page."""

LEVELS_START_BYTES = 16
"""Bytes of a V1 page that contain its first level: the length, the head of a run, and one value of it."""

KNOWN_ENCODINGS = frozenset({0, *range(2, 10)})
"""Page kinds of parquet.thrift; 1 was never used."""


def read_pages(path: str, remote: S3Object | None, chunks: Sequence[Chunk]) -> dict[Chunk, bytes]:
    """Return the bytes of chunks of a file or of an object in S3."""
    if remote is not None:
        return _remote_ranges(remote, chunks)
    with Path(path).open("rb") as handle:
        return {chunk: read_bytes(handle, chunk.start, chunk.end - chunk.start) for chunk in chunks}


def _remote_ranges(remote: S3Object, chunks: Sequence[Chunk]) -> dict[Chunk, bytes]:
    """Return the bytes of chunks of an object, several parts at a time."""
    parts = [
        (chunk, start, min(start + _PART_BYTES, chunk.end))
        for chunk in chunks
        for start in range(chunk.start, chunk.end, _PART_BYTES)
    ]
    with ThreadPoolExecutor(PARTS_AHEAD, thread_name_prefix="s3") as threads:
        read = list(threads.map(lambda part: remote.read(part[1], part[2]), parts))
    pages: dict[Chunk, bytes] = {}
    for (chunk, _, _), content in zip(parts, read, strict=True):
        pages[chunk] = pages.get(chunk, b"") + content
    return pages


def check_pages(handle: BinaryIO, chunk: Chunk, start: int | None = None) -> int:
    """Check the pages of a column chunk: sizes, numbers of values, and checksums if present.

    Args:
        handle: The file, or the bytes of the chunk.
        chunk: The chunk.
        start: Position of its first page in ``handle``, if that is not the file.

    Returns:
        The size of its unpacked dictionary in bytes; 0 without one.

    Raises:
        Unsound: The pages contradict the footer, or unpack to more than MAX_PAGE_BYTES.
        OSError: The file cannot be read.
    """
    place, values, dictionary_bytes = chunk.start if start is None else start, 0, 0
    end = place + chunk.end - chunk.start
    while values < chunk.values:
        if place >= end:
            raise Unsound(
                f"column '{chunk.column}' has {values} values, but the footer states {chunk.values}"
            )
        header, header_bytes = page_header(handle, place, end)
        packed = number_of(header, 3, "a page's size")
        unpacked = number_of(header, 2, "a page's unpacked size")
        place += header_bytes + packed
        if place > end:
            raise Unsound(f"a page of column '{chunk.column}' is longer than its column")
        if unpacked > MAX_PAGE_BYTES:
            raise Unsound(
                f"a page of column '{chunk.column}' unpacks to {unpacked:,} bytes, "
                f"more than {MAX_PAGE_BYTES:,}"
            )
        if CRC in header and zlib.crc32(read_bytes(handle, place - packed, packed)) != header[CRC] % 2**32:
            raise Unsound(f"a page of column '{chunk.column}' does not match its checksum")
        repeats = chunk.leaf is not None and chunk.leaf.repetition_level > 0
        if repeats and header.get(1) == DATA_PAGE and not values and _page_values(header):
            _check_start(read_bytes(handle, place - packed, packed), chunk, header[DESCRIPTION[DATA_PAGE]])
        values += _page_values(header)
        if header.get(1) == DICTIONARY_PAGE:
            dictionary_bytes = unpacked
        if header.get(1) == DATA_PAGE_V2:
            _check_levels(handle, chunk, header[DESCRIPTION[DATA_PAGE_V2]], place - packed, packed)
    if values != chunk.values:
        raise Unsound(f"column '{chunk.column}' has {values} values, but the footer states {chunk.values}")
    return dictionary_bytes


def page_header(handle: BinaryIO, place: int, end: int) -> tuple[Struct, int]:
    """Return the header of the page at ``place`` in a chunk that ends at ``end``, and its length in bytes."""
    for most in HEADER_BYTES:
        wanted = min(most, end - place)
        try:
            return read_struct(read_bytes(handle, place, wanted))
        except Malformed as error:
            if wanted < most or most == HEADER_BYTES[-1] or not isinstance(error, Truncated):
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
        raise Unsound("a page has an encoding that Parquet does not define")
    return 0 if kind == DICTIONARY_PAGE else number_of(about, 1, "a page's number of values")


def undecodable(chunk: Chunk) -> str:
    """Return a description of a chunk's values if polars cannot decode them; otherwise an empty text.

    polars refuses a whole file because of one such column.
    """
    leaf = chunk.leaf
    if leaf is None or leaf.physical not in (FIXED, INT96) or leaf.logical == HALF_FLOATS:
        return ""
    names = [UNDECODABLE_FIXED[each] for each in chunk.about.get(2) or () if each in UNDECODABLE_FIXED]
    return f"values of a fixed length in the encoding {names[0]}" if names else ""


def _check_start(page: bytes, chunk: Chunk, about: Struct) -> None:
    """Check that the first page of a chunk begins with a row: otherwise polars shifts its values."""
    most = chunk.leaf.repetition_level if chunk.leaf is not None else 0
    if about.get(4, RLE) != RLE:
        return
    start = unpacked_start(page, chunk.about.get(4, 0), LEVELS_START_BYTES)
    if start is not None:
        _check_first_level(start[LEVELS_LENGTH_BYTES:], chunk, most)


def _check_first_level(levels: bytes, chunk: Chunk, most: int) -> None:
    try:
        first = first_level(levels, most)
    except BadLevels as error:
        raise Unsound(f"the levels of a page of column '{chunk.column}' cannot be read") from error
    if first:
        raise Unsound(f"the first page of column '{chunk.column}' does not begin with a row")


def _check_levels(handle: BinaryIO, chunk: Chunk, about: Struct, place: int, packed: int) -> None:
    """Compare a V2 page's numbers of rows and nulls with its levels: wrong numbers shift values."""
    if chunk.leaf is None:
        return
    values = number_of(about, 1, "a page's number of values")
    nulls, rows = number_of(about, 2, "a page's number of nulls"), number_of(about, 3, "a page's rows")
    definition_bytes = number_of(about, 5, "a page's size of levels")
    repetition_bytes = number_of(about, 6, "a page's size of levels")
    if repetition_bytes + definition_bytes > packed:
        raise Unsound(f"the levels of a page of column '{chunk.column}' are longer than the page")
    levels = read_bytes(handle, place, repetition_bytes + definition_bytes)
    most, repetitions = chunk.leaf.definition_level, chunk.leaf.repetition_level
    try:
        there = count_equal(levels[repetition_bytes:], values, most, most) if most else values
        begun = count_equal(levels[:repetition_bytes], values, repetitions, 0) if repetitions else values
    except BadLevels as error:
        raise Unsound(f"the levels of a page of column '{chunk.column}' cannot be read") from error
    if repetitions and values:
        _check_first_level(levels, chunk, repetitions)
    if nulls != values - there or rows != begun:
        raise Unsound(f"a page of column '{chunk.column}' states wrong numbers of rows or nulls")
