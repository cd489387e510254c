"""Objects in S3 as the files of an extract: found by key, prefix or glob, and read part by part.

Rules kept here:

1. ``s3://bucket/key`` is an object, ``s3://bucket/prefix/`` the extracts right below it, by name, as in a
   folder; in a glob ``*`` stays between slashes and ``**`` crosses them.
2. An object is known by its ETag, size and version: no byte of it is read to tell it from another.
3. Text is read from front to back in parts, some of them ahead: memory is a few parts.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loader.errors import ExtractError, NothingToLoad
from loader.model import SourceFile
from loader.sources.file_format import is_extract_name
from loader.sources.local_paths import S3_SCHEME
from loader.sources.s3_client import S3Client, refusals

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 2 * 2**20
PARTS_AHEAD = 4
"""With 30 ms to the first byte of a part, 4 at a time are some 200 MB/s: more than text is parsed at."""

HEAD_PART_BYTES = 2**16
"""Part size for a look at the first bytes only."""

GLOB_CHARACTERS = "*?["

LOOKS_AT_ONCE = 16
"""How many objects are asked for at a time."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as it was when it was found."""

    bucket: str
    key: str
    size_bytes: int
    etag: str
    version: str
    modified_ns: int
    client: S3Client = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{S3_SCHEME}{self.bucket}/{self.key}"

    @property
    def fingerprint(self) -> str:
        """A digest of what S3 calls this content."""
        identity = f"s3 object {self.etag} of {self.size_bytes} bytes, version {self.version}"
        return hashlib.sha256(identity.encode()).hexdigest()

    def open(self, part_bytes: int = PART_BYTES) -> io.BufferedReader:
        """Open it for reading; closing it ends what is read ahead."""
        return io.BufferedReader(_Parts(self._read, self.size_bytes, part_bytes), HEAD_PART_BYTES)

    def _read(self, start: int, end: int) -> bytes:
        return self.client.read(self.bucket, self.key, self.etag, start, end)

    def check_unchanged(self) -> None:
        """Refuse to go on if it is not there any more as it was found.

        Raises:
            ExtractError: It changed, or cannot be read.
        """
        with refusals(str(self)):
            self.client.of(self.bucket).head_object(Bucket=self.bucket, Key=self.key, IfMatch=self.etag)


@dataclass(frozen=True, slots=True)
class S3File(SourceFile):
    """A source file that is an object in S3."""

    object: S3Object = field(repr=False)


def find_objects(url: str, client: S3Client) -> list[S3Object]:
    """Return the objects that an ``s3://`` URL names.

    Raises:
        NothingToLoad: There is none.
        ExtractError: The bucket does not exist, or may not be read.
    """
    bucket, _, key = url.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise ExtractError("An S3 URL must name a bucket.", where=url, next_step="s3://bucket/key")
    is_prefix, is_glob = key == "" or key.endswith("/"), any(mark in key for mark in GLOB_CHARACTERS)
    if not is_prefix and not is_glob:
        return [_look(bucket, key, client)]
    if is_prefix and not is_glob:
        keys = [name for name in _keys(bucket, key, client, "/") if is_extract_name(name)]
        keys = [name for name in keys if not name[len(key) :].startswith(".")]
    else:
        pattern = key.split("/")
        keys = [name for name in _keys(bucket, _plain_start(key), client) if _fits(name.split("/"), pattern)]
        # A key may hold brackets, and an object that exists is never taken for a glob.
        keys = keys or [key]
    if not keys:
        raise NothingToLoad(
            "No object matches.", where=url, next_step="Name objects one by one, or with a glob such as **."
        )
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as threads:
        return list(threads.map(lambda name: _look(bucket, name, client), sorted(keys)))


def _look(bucket: str, key: str, client: S3Client) -> S3Object:
    with refusals(f"{S3_SCHEME}{bucket}/{key}"):
        found: dict[str, Any] = client.of(bucket).head_object(Bucket=bucket, Key=key)
    return S3Object(
        bucket=bucket,
        key=key,
        size_bytes=found["ContentLength"],
        etag=found["ETag"],
        version=found.get("VersionId", ""),
        modified_ns=int(found["LastModified"].timestamp()) * 1_000_000_000,
        client=client,
    )


def _keys(bucket: str, prefix: str, client: S3Client, delimiter: str = "") -> Iterator[str]:
    pages = client.of(bucket).get_paginator("list_objects_v2")
    with refusals(f"{S3_SCHEME}{bucket}/{prefix}"):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter=delimiter):
            yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def _plain_start(key: str) -> str:
    return key[: min(key.find(mark) for mark in GLOB_CHARACTERS if mark in key)]


def _fits(names: list[str], pattern: list[str]) -> bool:
    if not pattern or not names:
        return not names and (not pattern or pattern == ["**"])
    if pattern[0] == "**":
        return _fits(names, pattern[1:]) or _fits(names[1:], pattern)
    return fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:])


class _Parts(io.RawIOBase):
    """A stream over ranged reads; once it is read from one part into the next, it reads ahead."""

    def __init__(self, read: Callable[[int, int], bytes], size_bytes: int, part_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._part_bytes = part_bytes
        self._position = 0
        self._parts: dict[int, Future[bytes]] = {}
        self._threads = ThreadPoolExecutor(PARTS_AHEAD, thread_name_prefix="s3")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
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
        self._threads.shutdown(cancel_futures=True)
        self._parts.clear()
        super().close()
