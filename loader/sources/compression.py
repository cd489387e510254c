"""Decompress gzip, zstd, bzip2 and xz files, which are detected by their first bytes.

Rules kept here:

1. A file may contain several members one after another (``cat a.gz b.gz``). All of them are read. Bytes after
   a member that are neither another member nor zeros are an error.
2. Text is decompressed while it is read, at most one block at a time, for any size of the file.
"""

import bz2
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES = 2**18
"""Bytes that are read at a time, and maximum number of bytes that one step decompresses."""

MAX_DICTIONARY_BYTES = 2**27
"""Maximum memory of a decompressor for its window, in bytes: the default limit of zstd. ``xz -9`` needs 65
MiB. Only files of ``zstd --long`` with a value above 27 need more; they are rejected."""

SUFFIXES = (".gz", ".zst", ".bz2", ".xz")

SKIPPABLE_FRAME = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""Start of a skippable frame, which may precede the first frame of text. pzstd writes such frames."""

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""Exceptions that reading a damaged file raises. bzip2 raises an OSError without a number instead."""


class _Decompressor(Protocol):
    """The common interface of the decompressors of bz2, lzma and zstd. An object decompresses one member."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


def compression_of(head: bytes) -> str | None:
    """Return the compression of a file that begins with ``head``, or None if it is not compressed."""
    if head.startswith(b"\x28\xb5\x2f\xfd") or SKIPPABLE_FRAME.match(head):
        return "zstd"
    magics = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def decompressed(packed: io.BufferedReader) -> io.BufferedReader:
    """Return a reader of the text of a file that is at its start. An uncompressed file is returned as it is.

    Decompressed text can only be read forward: ``seekable()`` of its reader is false.

    Raises:
        One of DAMAGED, or OSError: The file is damaged. It is raised here or while the text is read.
    """
    name = compression_of(packed.peek(8)[:8])
    if name is None:
        return packed
    if name == "gzip":
        texts = iter(partial(gzip.GzipFile(fileobj=packed).read, _BLOCK_BYTES), b"")
    else:
        new_decompressor = {"zstd": zstd.ZstdDecompressor, "bzip2": bz2.BZ2Decompressor, "xz": _xz}[name]
        texts = _texts(packed, cast("Callable[[], _Decompressor]", new_decompressor))
    return io.BufferedReader(_Text(texts), _BLOCK_BYTES)


def without_suffix(name: str) -> str:
    """Return the name of a file without the suffix of its compression."""
    return next((name[: -len(suffix)] for suffix in SUFFIXES if name.lower().endswith(suffix)), name)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES)


def _texts(packed: io.BufferedReader, new_decompressor: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Yield the text of all members in order, a block at a time."""
    unused = b""
    while block := unused or packed.read(_BLOCK_BYTES):
        unused = block.lstrip(b"\0")  # members may be padded
        if not unused:
            continue
        member = new_decompressor()
        yield member.decompress(unused, _BLOCK_BYTES)
        while not member.eof:
            more = packed.read(_BLOCK_BYTES) if member.needs_input else b""
            if member.needs_input and not more:
                raise EOFError("it ends in the middle")
            yield member.decompress(more, _BLOCK_BYTES)
        unused = member.unused_data


class _Text(io.RawIOBase):
    """Blocks of text as a stream that can only be read forward."""

    def __init__(self, texts: Iterator[bytes]) -> None:
        self._texts = texts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            text = next(self._texts, None)
            if text is None:
                return 0
            self._rest = memoryview(text)
        target = memoryview(buffer).cast("B")
        taken = min(len(target), len(self._rest))
        target[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
