"""Find the objects in S3 of an extract by key, prefix or glob, and read them in parts.

Rules kept here:

1. ``s3://bucket/key`` is an object. ``s3://bucket/prefix/`` means the extracts below the prefix, as in a
   folder. In a glob, ``*`` does not match a slash and ``**`` does. Objects that are left out are reported.
2. An object is identified by its ETag, size and version. Its bytes are not read for that.
3. Text is read from front to back in parts. Some parts are read ahead, so memory is limited to a few parts.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from loader.errors import ExtractError, NothingToLoad
from loader.model import SourceFile
from loader.sources.file_format import is_extract_name
from loader.sources.left_out import (
    HIDDEN,
    OTHER_NAME,
    RUN_DIRECTORY,
    RUN_DIRECTORY_MARK,
    LeftOut,
    parts_to_hidden,
)
from loader.sources.local_paths import GLOB_CHARACTERS, S3_SCHEME
from loader.sources.natural_order import natural_key
from loader.sources.s3.client import S3Client, refusals
from loader.sources.table_formats import refuse_tables

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 2 * 2**20
PARTS_AHEAD = 4
"""Parts that are read ahead. If the first byte of a part takes 30 ms, 4 parts at a time give about 200 MB/s,
which is faster than text is parsed."""

HEAD_PART_BYTES = 2**16
"""Size of a part if only the first bytes are read."""

HEADS_AT_ONCE = 16
"""Number of objects whose properties are requested at the same time."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """The properties of an object when it was found."""

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
        """A digest of the object's ETag, size and version, in hexadecimal digits."""
        identity = f"s3 object {self.etag} of {self.size_bytes} bytes, version {self.version}"
        return hashlib.sha256(identity.encode()).hexdigest()

    def open(self, part_bytes: int = PART_BYTES) -> io.BufferedReader:
        """Open the object for reading. Closing the reader ends the reading ahead."""
        return io.BufferedReader(_Parts(self.read, self.size_bytes, part_bytes), HEAD_PART_BYTES)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``.

        Raises:
            NothingToLoad: The object does not exist any more.
            ExtractError: The object changed, or cannot be read.
        """
        return self.client.read(self.bucket, self.key, self.etag, start, end)

    def check_unchanged(self) -> None:
        """Raise an error if the object changed or was deleted since it was found.

        Raises:
            NothingToLoad: The object does not exist any more.
            ExtractError: The object changed, or cannot be read.
        """
        with refusals(str(self)):
            self.client.of(self.bucket).head_object(Bucket=self.bucket, Key=self.key, IfMatch=self.etag)


@dataclass(frozen=True, slots=True)
class S3File(SourceFile):
    """A source file that is an object in S3."""

    object: S3Object = field(repr=False, kw_only=True)


def find_objects(url: str, client: S3Client, left_out: LeftOut) -> list[S3Object]:
    """Return the objects that an ``s3://`` URL names.

    Args:
        url: A key, a prefix that ends with a slash, or a glob.
        client: Sends the requests to S3.
        left_out: Receives objects that are not part of the extract.

    Raises:
        NothingToLoad: There are no objects.
        ExtractError: The bucket does not exist or cannot be read, or the objects belong to a table
            (`table_formats`).
    """
    bucket, _, key = url.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise ExtractError("An S3 URL must name a bucket.", where=url, next_step="s3://bucket/key")
    keys = _named_keys(bucket, key, client, left_out)
    if not keys:
        raise NothingToLoad(
            "No object matches.",
            where=url,
            why=" ".join(left_out.sentences()),
            next_step="name objects one by one, or with a glob such as **",
        )
    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        found = list(threads.map(lambda name: _object(bucket, name, client), sorted(keys, key=natural_key)))
    refuse_tables(map(str, found), _S3Storage(client), f"{S3_SCHEME}{bucket}")
    return found


def object_at(url: str, client: S3Client) -> S3Object:
    """Return the object whose key is in an ``s3://`` URL; the key is never read as a prefix or a glob.

    Raises:
        NothingToLoad: There is no such object.
        ExtractError: The object cannot be read.
    """
    bucket, _, key = url.removeprefix(S3_SCHEME).partition("/")
    return _object(bucket, key, client)


def is_open_ended(url: str) -> bool:
    """Return whether a URL may match any number of objects: a prefix or a glob."""
    key = url.removeprefix(S3_SCHEME).partition("/")[2]
    return not key or key.endswith("/") or any(mark in key for mark in GLOB_CHARACTERS)


def _named_keys(bucket: str, key: str, client: S3Client, left_out: LeftOut) -> list[str]:
    if not is_open_ended(f"{S3_SCHEME}{bucket}/{key}"):
        return [key]
    if not any(mark in key for mark in GLOB_CHARACTERS):
        return list(_extracts_below(bucket, key, list(_keys(bucket, key, client)), left_out))
    pattern = key.split("/")
    fitting = [name for name in _keys(bucket, _plain_start(key), client) if _fits(name.split("/"), pattern)]
    keys = []
    for name in fitting:
        if hidden := _hidden_part(name, key):
            left_out.add(HIDDEN, f"{S3_SCHEME}{bucket}/{hidden}")
        else:
            keys.append(name)
    # A key may contain brackets. If no key matches them as a glob, they are read as a key.
    return keys or ([] if fitting else [key])


def _extracts_below(bucket: str, prefix: str, keys: Sequence[str], left_out: LeftOut) -> Iterator[str]:
    run_dirs = {key.rpartition("/")[0] + "/" for key in keys if key.endswith(f"/{RUN_DIRECTORY_MARK}")}
    run_dirs.discard(prefix)
    for key in keys:
        run_dir = next((folder for folder in run_dirs if key.startswith(folder)), None)
        if hidden := _hidden_part(key, prefix):
            left_out.add(HIDDEN, f"{S3_SCHEME}{bucket}/{hidden}")
        elif run_dir is not None:
            left_out.add(RUN_DIRECTORY, f"{S3_SCHEME}{bucket}/{run_dir}")
        elif is_extract_name(key):
            yield key
        else:
            left_out.add(OTHER_NAME, f"{S3_SCHEME}{bucket}/{key}")


def _hidden_part(key: str, named: str) -> str:
    """Return a key up to its first hidden part that the pattern does not name, or an empty text."""
    parts = key.split("/")
    return "/".join(parts[: parts_to_hidden(parts, named.split("/"))])


class _S3Storage:
    """The objects of a bucket, for `refuse_tables`."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def names(self, prefixes: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield names of at most one page (1,000 keys) each; none if listing is not permitted."""
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            yield from threads.map(self._names, prefixes)

    def _names(self, url: str) -> Sequence[str]:
        bucket, _, prefix = url.removeprefix(S3_SCHEME).partition("/")
        try:
            answer = self._client.of(bucket).list_objects_v2(Bucket=bucket, Prefix=prefix)
        except (BotoCoreError, ClientError):
            return []
        return [entry["Key"].rpartition("/")[2] for entry in answer.get("Contents", ())]

    def content(self, path: str) -> bytes:
        bucket, _, key = path.removeprefix(S3_SCHEME).partition("/")
        with refusals(path):
            body: bytes = self._client.of(bucket).get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


def _object(bucket: str, key: str, client: S3Client) -> S3Object:
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


def _keys(bucket: str, prefix: str, client: S3Client) -> Iterator[str]:
    pages = client.of(bucket).get_paginator("list_objects_v2")
    with refusals(f"{S3_SCHEME}{bucket}/{prefix}"):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
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
    """A stream over ranged reads. It reads ahead after it was read from one part into the next."""

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
