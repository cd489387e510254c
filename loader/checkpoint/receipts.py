"""The receipts of one window, in 16 bytes each. They also show which of its events are accepted. Pure.

Rules kept here:

1. An event is accepted if, and only if, its 16 bytes are not all zero.
2. A receipt that is not a UUID in lower case is stored as ``_ODD``, and its text is stored in another table.
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
"""Maximum distance of receipts that are read and written together: 8 KiB, which is two pages."""


class Receipts:
    """The accepted events of a window, as a set of indexes, with the receipt of each."""

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
        """Return the ``eventId`` of an accepted event, or ``_ODD`` as text if another table has it."""
        start = index * RECEIPT_BYTES
        return str(uuid.UUID(bytes=self._event_ids[start : start + RECEIPT_BYTES]))


class Blob(Protocol):
    """The stored receipts of a window: an open SQLite blob, or bytes in memory."""

    def seek(self, offset: int, /) -> object:
        """Move to a byte position."""

    def read(self, length: int, /) -> bytes:
        """Return the next bytes, at most ``length``."""

    def write(self, data: bytes, /) -> object:
        """Replace the next bytes."""


def has_receipt(blob: Blob, index: int) -> bool:
    """Return whether an event is accepted."""
    blob.seek(index * RECEIPT_BYTES)
    return blob.read(RECEIPT_BYTES) != NO_RECEIPT


def write_receipts(blob: Blob, event_ids: Mapping[int, str]) -> tuple[list[int], dict[int, str]]:
    """Write receipts. Receipts that are already stored do not change.

    Args:
        blob: The receipts of the window.
        event_ids: The receipts by index in the window.

    Returns:
        The indexes that had no receipt before, and the receipts that are not UUIDs, by index.

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
    """Write receipts to the empty positions of a stretch, and return the indexes of those written."""
    added: list[int] = []
    done = 0
    for first, last in spans(indexes, 1):  # most events are accepted nearly in order
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
    """Return receipts as 16 bytes each, in order, and the texts that are not UUIDs, by position."""
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
    """Return whether texts of 36 characters each have the form of a UUID in lower case."""
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
    """Divide ascending indexes into stretches ``[first, last]`` without a gap longer than ``gap``."""
    if not indexes:
        return
    first = last = indexes[0]
    for index in indexes:
        if index - last > gap:
            yield first, last
            first = index
        last = index
    yield first, last
