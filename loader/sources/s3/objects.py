"""Objects in S3: their properties and their content.

Rules kept here:

1. An object is identified by its ETag, size and version. Its bytes are not read for that.
2. Text is read from front to back in parts. Some parts are read ahead, so memory is limited to a few parts.
"""

import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

from loader.model import SourceFile
from loader.sources.local_paths import S3_SCHEME
from loader.sources.s3.client import S3Client, refusals
from loader.sources.s3.ranged_reads import HEAD_PART_BYTES, PART_BYTES, RangedReads


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
        return io.BufferedReader(RangedReads(self.read, self.size_bytes, part_bytes), HEAD_PART_BYTES)

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


def object_at(url: str, client: S3Client) -> S3Object:
    """Return the object whose key is in an ``s3://`` URL; the key is never read as a prefix or a glob.

    Raises:
        NothingToLoad: There is no such object.
        ExtractError: The object cannot be read.
    """
    bucket, _, key = url.removeprefix(S3_SCHEME).partition("/")
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
