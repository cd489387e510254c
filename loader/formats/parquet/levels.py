"""Levels in Parquet's run-length and bit-packed hybrid, and the start of the pages that contain them."""

import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NONE, SNAPPY, GZIP, ZSTD = 0, 1, 2, 6
"""Codecs whose start can be unpacked here; LZ4 and Brotli cannot."""

GZIP_BITS = 31
"""zlib's number for its format with gzip's header."""


class BadLevels(Exception):
    """The bytes do not contain the expected levels."""


def count_equal(levels: bytes, values: int, most: int, wanted: int) -> int:
    """Return how many of ``values`` levels are equal to ``wanted``.

    Args:
        levels: The runs, without a length before them.
        values: Number of levels.
        most: Maximum level, above 0.
        wanted: The level to count.

    Raises:
        BadLevels: The bytes contain fewer levels.
    """
    width = most.bit_length()
    place, left, count = 0, values, 0
    try:
        while left:
            head, place = _varint(levels, place)
            if head & 1:
                packed_bytes = (head >> 1) * width
                taken = min((head >> 1) * 8, left)
                packed = levels[place : place + packed_bytes]
                if len(packed) * 8 < taken * width:
                    raise BadLevels
                count += _count_packed(packed, taken, width, wanted)
                place += packed_bytes
            else:
                taken = min(head >> 1, left)
                count += taken if levels[place] == wanted else 0
                place += (width + 7) // 8
            if not taken:
                raise BadLevels
            left -= taken
    except IndexError as error:
        raise BadLevels from error
    return count


def first_level(levels: bytes, most: int) -> int:
    """Return the first of some levels with the maximum ``most``.

    Raises:
        BadLevels: The bytes contain no run.
    """
    width = most.bit_length()
    try:
        head, place = _varint(levels, 0)
        first = levels[place]
    except IndexError as error:
        raise BadLevels from error
    return first & (1 << width) - 1 if head & 1 else first


def unpacked_start(packed: bytes, codec: int, wanted: int) -> bytes | None:
    """Return the first bytes of a packed page: at least ``wanted`` if the page has them.

    Returns:
        The bytes, or None if the codec is not supported here or the page is damaged.
    """
    if codec == NONE:
        return packed
    try:
        if codec == GZIP:
            return zlib.decompressobj(GZIP_BITS).decompress(packed, wanted)
        if codec == ZSTD:
            return zstd.ZstdDecompressor().decompress(packed, wanted)
        return _snappy_start(packed, wanted) if codec == SNAPPY else None
    except (zlib.error, zstd.ZstdError, IndexError, BadLevels):
        return None


def _snappy_start(packed: bytes, wanted: int) -> bytes:
    """Return the first bytes of a Snappy block: literals, and copies of earlier bytes."""
    length, place = _varint(packed, 0)
    content = b""
    while len(content) < min(wanted, length):
        tag = packed[place]
        kind, size, place = tag & 3, tag >> 2, place + 1
        if kind == 0:
            extra = max(0, size - 59)  # 60 to 63: this number minus 59 is the number of length bytes
            size = int.from_bytes(packed[place : place + extra], "little") if extra else size
            place += extra
            content += packed[place : place + min(size + 1, wanted)]
            place += size + 1
            continue
        offset_bytes = {1: 1, 2: 2, 3: 4}[kind]
        offset = int.from_bytes(packed[place : place + offset_bytes], "little")
        if kind == 1:
            offset, size = offset | tag >> 5 << 8, (tag >> 2 & 7) + 3
        place += offset_bytes
        if not 0 < offset <= len(content):
            raise BadLevels
        content += (content[-offset:] * (size // offset + 2))[: size + 1]
    return content


def _count_packed(packed: bytes, values: int, width: int, wanted: int) -> int:
    """Count among bit-packed levels: one long number is compared in all places at once."""
    bits = int.from_bytes(packed, "little") & (1 << values * width) - 1
    if width == 1:
        ones = bits.bit_count()
        return ones if wanted else values - ones
    lowest = ((1 << values * width) - 1) // ((1 << width) - 1)
    unequal = bits ^ lowest * wanted
    folded = unequal
    for shift in range(1, width):
        folded |= unequal >> shift
    return values - (folded & lowest).bit_count()


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - of the format: the last byte
            return number, place
        shift += 7
        if shift > 35:  # noqa: PLR2004 - of the format: 32 bits
            raise BadLevels
