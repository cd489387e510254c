"""The files of which copies are made: files of SQLite that a crash may damage, and their compressed forms."""

import shutil
import sqlite3
import sys
from pathlib import Path

from loader.atomic import make_private_file
from loader.checkpoint.connections import BUSY_SECONDS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 1
"""The fastest level. Receipts and tokens are random, so no level compresses them."""

BLOCK_BYTES = 2**20

_PLACE_BYTES = 8

NOT_COMPRESSED = (zstd.ZstdError, EOFError)
"""What `unpack` raises for a file that is damaged or was not compressed."""


def pack(plain: Path, into: Path) -> None:
    """Compress a file into a new one.

    Raises:
        OSError: The disk refuses.
    """
    make_private_file(into)
    with plain.open("rb") as content, into.open("wb") as file, zstd.open(file, "wb", level=LEVEL) as packed:
        shutil.copyfileobj(content, packed, BLOCK_BYTES)


def unpack(packed: Path, into: Path) -> None:
    """Decompress a file into a new one.

    Raises:
        ZstdError: The file is damaged.
        EOFError: The file is truncated.
        OSError: The disk refuses.
    """
    make_private_file(into)
    with zstd.open(packed, "rb") as content, into.open("wb") as file:
        shutil.copyfileobj(content, file, BLOCK_BYTES)


def in_planes(places: bytes) -> bytes:
    """Return the places of events in the order in which they compress: the first bytes, then the second ones.

    The rows of consecutive events differ little, but 4 random bytes are between them (`pack_places`). This
    saves one of nine bytes of an archive.
    """
    if len(places) % _PLACE_BYTES:
        return places
    return b"".join([places[at::_PLACE_BYTES] for at in range(_PLACE_BYTES)])


def out_of_planes(planes: bytes) -> bytes:
    """Return the places of which `in_planes` made its result."""
    if len(planes) % _PLACE_BYTES:
        return planes
    places, count = bytearray(len(planes)), len(planes) // _PLACE_BYTES
    for at in range(_PLACE_BYTES):
        places[at::_PLACE_BYTES] = planes[at * count : (at + 1) * count]
    return bytes(places)


def open_scratch(path: Path | str) -> sqlite3.Connection:
    """Open a file without protection against a crash: an incomplete copy is never used.

    Args:
        path: A file, or ``:memory:``.
    """
    address = path if isinstance(path, str) else path.absolute().as_uri()
    connection = sqlite3.connect(
        address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    return connection


def read_only(path: Path) -> str:
    """Return the URI with which SQLite opens a file for reading."""
    return f"{path.absolute().as_uri()}?mode=ro"
