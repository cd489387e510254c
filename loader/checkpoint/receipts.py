"""Receipts of one window in 16 bytes each, and which of its events they say are accepted.

Rules kept here:

1. An event is accepted exactly if its 16 bytes are not all zero.
2. What is not an ordinary UUID is never squeezed into one: it gets ``ODD`` and its text is kept beside.
3. Nothing here knows files or SQLite.
"""

import uuid
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

RECEIPT_BYTES = 16
NO_RECEIPT = bytes(RECEIPT_BYTES)
_ODD = b"\xff" * RECEIPT_BYTES
UUID_CHARS = 36
UUID_DASHES = (8, 13, 18, 23)

SPAN_GAP = 512
"""Receipts nearer to each other than this (8 KiB, two pages) are read and written in one go."""


class Receipts:
    """The accepted events of a window, as a set of their indexes that knows each one's receipt."""

    __slots__ = ("_event_ids",)

    def __init__(self, event_ids: bytes) -> None:
        self._event_ids = event_ids

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int) or index < 0:
            return False
        start = index * RECEIPT_BYTES
        return self._event_ids[start : start + RECEIPT_BYTES] not in (NO_RECEIPT, b"")

    def __iter__(self) -> Iterator[int]:
        return (index for index in range(len(self._event_ids) // RECEIPT_BYTES) if index in self)

    def event_id(self, index: int) -> str:
        """Return the ``eventId`` of an accepted event (``ODD`` in text if it is kept elsewhere)."""
        start = index * RECEIPT_BYTES
        return str(uuid.UUID(bytes=self._event_ids[start : start + RECEIPT_BYTES]))


class Blob(Protocol):
    """The receipts of a window where they are stored: an open SQLite blob, or bytes in memory."""

    def seek(self, offset: int, /) -> object:
        """Go to a byte."""

    def read(self, length: int, /) -> bytes:
        """Return that many bytes, fewer at the end."""

    def write(self, data: bytes, /) -> object:
        """Replace the bytes there."""


def has_receipt(blob: Blob, index: int) -> bool:
    """Return whether an event is accepted."""
    blob.seek(index * RECEIPT_BYTES)
    return blob.read(RECEIPT_BYTES) != NO_RECEIPT


def write_receipts(blob: Blob, event_ids: Mapping[int, str]) -> tuple[list[int], dict[int, str]]:
    """Write receipts, leaving those that are there already.

    Args:
        blob: The receipts of the window.
        event_ids: By index in the window.

    Returns:
        The indexes that were not accepted before, and by index the receipts that are not UUIDs.

    Raises:
        IndexError: The window has no such event.
    """
    indexes = sorted(event_ids)
    packed, odd_positions = pack([event_ids[index] for index in indexes])
    added: list[int] = []
    done = 0
    for first, last in spans(indexes, SPAN_GAP):
        here = indexes[done : bisect_right(indexes, last)]
        length = (last - first + 1) * RECEIPT_BYTES
        blob.seek(first * RECEIPT_BYTES)
        stretch = bytearray(blob.read(length))
        if len(stretch) < length:
            raise IndexError(f"the window has no event {last}")
        added += _fill(stretch, first, here, packed[done * RECEIPT_BYTES :])
        blob.seek(first * RECEIPT_BYTES)
        blob.write(bytes(stretch))
        done += len(here)
    odd = {indexes[where]: text for where, text in odd_positions.items()}
    return added, {index: odd[index] for index in added if index in odd} if odd else {}


def _fill(stretch: bytearray, offset: int, indexes: Sequence[int], packed: bytes) -> list[int]:
    """Put receipts of ascending indexes where none is in a stretch that begins at an index; return those."""
    added: list[int] = []
    done = 0
    for first, last in spans(indexes, 1):  # neighbours go together: most events are accepted nearly in order
        start, end = (first - offset) * RECEIPT_BYTES, (last - offset + 1) * RECEIPT_BYTES
        source = packed[done : done + end - start]
        done += end - start
        if not any(stretch[start:end]):
            stretch[start:end] = source
            added.extend(range(first, last + 1))
        elif first < last:
            for index in range(first, last + 1):
                one = (index - first) * RECEIPT_BYTES
                added += _fill(stretch, offset, [index], source[one : one + RECEIPT_BYTES])
    return added


def pack(event_ids: Sequence[str]) -> tuple[bytes, dict[int, str]]:
    """Return receipts as 16 bytes each, in order, and by position the texts that did not fit."""
    joined = "".join(event_ids)
    if {*map(len, event_ids)} != {UUID_CHARS} or not _all_plain(joined, len(event_ids)):
        return _pack_one_by_one(event_ids)
    try:
        packed = bytes.fromhex(joined.replace("-", ""))
    except ValueError:
        return _pack_one_by_one(event_ids)
    if len(packed) != len(event_ids) * RECEIPT_BYTES or NO_RECEIPT in packed:
        return _pack_one_by_one(event_ids)
    return packed, {}


def _all_plain(joined: str, count: int) -> bool:
    """Return whether texts of 36 characters each are lower case with dashes where a UUID has them."""
    dashes_in_place = all(joined[position::UUID_CHARS] == "-" * count for position in UUID_DASHES)
    return dashes_in_place and joined.count("-") == len(UUID_DASHES) * count and joined == joined.lower()


def _pack_one_by_one(event_ids: Sequence[str]) -> tuple[bytes, dict[int, str]]:
    packed, odd = bytearray(), {}
    for position, event_id in enumerate(event_ids):
        try:
            receipt = uuid.UUID(event_id).bytes
        except ValueError:
            receipt = _ODD
        if str(uuid.UUID(bytes=receipt)) != event_id or receipt == NO_RECEIPT:
            receipt = _ODD
            odd[position] = event_id
        packed += receipt
    return bytes(packed), odd


def spans(indexes: Sequence[int], gap: int) -> Iterator[tuple[int, int]]:
    """Cut ascending indexes into stretches ``[first, last]`` within which no step is longer than ``gap``."""
    if not indexes:
        return
    first = last = indexes[0]
    for index in indexes:
        if index - last > gap:
            yield first, last
            first = index
        last = index
    yield first, last
