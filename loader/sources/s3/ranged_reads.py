"""A stream over ranged reads of an object in S3, which reads ahead."""

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 2 * 2**20
PARTS_AHEAD = 4
"""Parts that are read ahead. If the first byte of a part takes 30 ms, 4 parts at a time give about 200 MB/s,
which is faster than text is parsed."""

HEAD_PART_BYTES = 2**16
"""Size of a part if only the first bytes are read."""


class RangedReads(io.RawIOBase):
    """A stream over ranged reads. It reads ahead after it was read from one part into the next.

    Args:
        read: Returns the bytes from a position up to another.
        size_bytes: Size of the object.
        part_bytes: Bytes of a read.
    """

    def __init__(self, read: Callable[[int, int], bytes], size_bytes: int, part_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._part_bytes = part_bytes
        self._position = 0
        self._parts: dict[int, Future[bytes]] = {}
        self._threads = ThreadPoolExecutor(PARTS_AHEAD, thread_name_prefix="s3")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be moved."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in bytes, and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read bytes of one part, and return their number; 0 at the end."""
        if self._position >= self._size_bytes:
            return 0
        number, offset = divmod(self._position, self._part_bytes)
        target = memoryview(buffer).cast("B")
        read = self._part(number)[offset : offset + len(target)]
        target[: len(read)] = read
        self._position += len(read)
        return len(read)

    def _part(self, number: int) -> bytes:
        count = -(-self._size_bytes // self._part_bytes)
        ahead = PARTS_AHEAD if number - 1 in self._parts or len(self._parts) > 1 else 0
        wanted = range(number, min(number + 1 + ahead, count))
        for old in [each for each in self._parts if each not in wanted]:
            self._parts.pop(old).cancel()
        for each in wanted:
            if each not in self._parts:
                start = each * self._part_bytes
                end = min(start + self._part_bytes, self._size_bytes)
                self._parts[each] = self._threads.submit(self._read, start, end)
        return self._parts[number].result()

    def close(self) -> None:
        """End the reading ahead."""
        self._threads.shutdown(cancel_futures=True)
        self._parts.clear()
        super().close()
