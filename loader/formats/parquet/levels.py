"""Count levels in Parquet's run-length and bit-packed hybrid, as data pages of version 2 hold them."""


class BadLevels(Exception):
    """The bytes are not as many levels as they should be."""


def count_equal(levels: bytes, values: int, most: int, wanted: int) -> int:
    """Return how many of ``values`` levels are equal to ``wanted``.

    Args:
        levels: The runs, without a length in front.
        values: Number of levels.
        most: Highest level that may be in it, above 0.
        wanted: The level to count.

    Raises:
        BadLevels: There are fewer levels than that.
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


def _count_packed(packed: bytes, values: int, width: int, wanted: int) -> int:
    """Count among bit-packed levels: one long number, compared with itself in all places at once."""
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
