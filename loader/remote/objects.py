"""The objects of a run directory in S3: read, listed, and written on conditions.

Rules kept here:

1. Every write of an object that two runners may write has a condition: the ETag of the object that it
   replaces, or that no object exists. Two writers never both succeed.
2. Each such write states the id of its writer. If its response was lost, the next write is refused (412)
   because of the writer's own object. The id distinguishes this object from that of another writer.
3. Requests are not repeated here, except after the lost response to a write. The caller decides on retries.
4. Every method blocks, and any thread may call it.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, BinaryIO

from botocore.config import Config
from botocore.exceptions import ClientError

from loader.errors import CheckpointError
from loader.job.run_address import split_address
from loader.remote.answers import CONDITION_FAILED, NO_SUCH_OBJECT, ConditionFailed, answers, code_of
from loader.sources.s3.client import S3Client

WRITER = "writer"
"""Metadata of an object: the id of the process that wrote it."""

QUICK = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1}, max_pool_connections=16)
"""For small objects. Two attempts with it take less time than a lease lasts."""

PATIENT = Config(
    connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1}, max_pool_connections=16
)
"""For copies of checkpoints."""

NO_ETAG = '"00000000000000000000000000000000"'
"""An ETag that no object of a run directory has."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What S3 returned about an object.

    Attributes:
        etag: ETag of the content.
        size_bytes: Its size.
        metadata: The metadata that its writer set.
        age_seconds: Time since it was written, by the clock of S3.
        body: The content, if it was requested.
    """

    etag: str
    size_bytes: int
    metadata: Mapping[str, str]
    age_seconds: float
    body: bytes = b""


class Objects:
    """The objects below an address.

    Args:
        address: ``s3://bucket/prefix``.
        s3: Client with the user's credentials.
    """

    def __init__(self, address: str, s3: S3Client) -> None:
        self.address = address
        self._s3 = s3
        self._bucket, prefix = split_address(address)
        self._prefix = prefix + "/"

    @cached_property
    def _quick(self) -> Any:
        return self._s3.configured(self._bucket, QUICK)

    @cached_property
    def _patient(self) -> Any:
        return self._s3.configured(self._bucket, PATIENT)

    def listed(self, below: str = "") -> dict[str, str]:
        """Return the ETag of each object, by its name below the address.

        Args:
            below: The beginning of the names.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        with self._answers(""):
            pages = self._quick.get_paginator("list_objects_v2")
            return {
                entry["Key"].removeprefix(self._prefix): entry["ETag"]
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + below)
                for entry in page.get("Contents", ())
                if not entry["Key"].endswith("/")
            }

    def seen(self, name: str) -> Stored | None:
        """Return the facts about an object without its content, or None if it does not exist.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        with self._answers(name), _gone_is_none():
            return _stored(self._quick.head_object(Bucket=self._bucket, Key=self._prefix + name))
        return None

    def read(self, name: str) -> Stored | None:
        """Return a small object with its content, or None if it does not exist.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        with self._answers(name), _gone_is_none():
            answer = self._quick.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return _stored(answer, answer["Body"].read())
        return None

    def download(self, name: str, into: BinaryIO) -> Stored | None:
        """Write the content of an object to a file; return the facts about it, or None if it does not exist.

        Raises:
            Unreachable: S3 gave no usable response, or the response was incomplete.
            CheckpointError: S3 refuses.
        """
        with self._answers(name), _gone_is_none():
            answer = self._patient.get_object(Bucket=self._bucket, Key=self._prefix + name)
            into.writelines(answer["Body"].iter_chunks(2**20))
            return _stored(answer)
        return None

    def replace(
        self, name: str, body: bytes | BinaryIO, *, etag: str | None, writer: str, **metadata: str
    ) -> str:
        """Replace the object that has an ETag, or create the object; return its new ETag.

        Args:
            name: Its name below the address.
            body: Its content; a file is read from its beginning.
            etag: ETag of the object to replace; None if no object may exist.
            writer: Id of the process that writes.
            metadata: Further metadata.

        Raises:
            ConditionFailed: Another writer has replaced the object.
            Unreachable: S3 gave no usable response. The object may have been written nevertheless.
            CheckpointError: S3 refuses.
        """
        for tries_left in (1, 0):
            try:
                return self._put(name, body, etag, {WRITER: writer, **metadata})
            except ConditionFailed:
                mine = self.seen(name)
                if not tries_left or mine is None or mine.metadata.get(WRITER) != writer:
                    raise
                etag = mine.etag  # written by an earlier attempt whose response was lost
        raise AssertionError("the last attempt returns or raises")

    def _put(self, name: str, body: bytes | BinaryIO, etag: str | None, metadata: Mapping[str, str]) -> str:
        client = self._quick if isinstance(body, bytes) else self._patient
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        if not isinstance(body, bytes):
            body.seek(0)
        with self._answers(name):
            try:
                answer = client.put_object(
                    Bucket=self._bucket,
                    Key=self._prefix + name,
                    Body=body,
                    Metadata=dict(metadata),
                    **condition,
                )
            except ClientError as error:
                code, status = code_of(error)
                # If-Match on a missing object gives 404.
                if code in CONDITION_FAILED or status == 412 or (etag is not None and code in NO_SUCH_OBJECT):  # noqa: PLR2004 - HTTP's
                    raise ConditionFailed(name) from error
                raise
        return str(answer["ETag"])

    def check_conditions(self, name: str, body: bytes, *, writer: str) -> None:
        """Refuse a store that ignores conditions: a lease there does not exclude a second runner.

        Args:
            name: An existing object of this writer.
            body: Its content. A store without conditions writes it again.
            writer: Id of the process that writes.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: The store ignores conditions, or refuses.
        """
        for etag in (None, NO_ETAG):
            try:
                self._put(name, body, etag, {WRITER: writer})
            except ConditionFailed:
                continue
            header = "If-None-Match" if etag is None else "If-Match"
            raise CheckpointError(
                "The run directory cannot be in this object store.",
                where=f"{self.address}/{name}",
                why=f"it ignores {header} on writes, so two runners could work on one run directory",
                next_step="name a bucket of Amazon S3, or of a store with conditional writes, with --run-dir",
            )

    def put(self, name: str, body: BinaryIO) -> str:
        """Write an object without a condition; return its ETag.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        with self._answers(name):
            answer = self._patient.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body)
        return str(answer["ETag"])

    def remove(self, name: str) -> None:
        """Remove an object, if it exists.

        Raises:
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        with self._answers(name):
            self._quick.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _answers(self, name: str) -> AbstractContextManager[None]:
        return answers(f"{self.address}/{name}".rstrip("/"))


@contextmanager
def _gone_is_none() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error)[0] not in NO_SUCH_OBJECT:
            raise


def _stored(answer: Mapping[str, Any], body: bytes = b"") -> Stored:
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    written = answer["LastModified"].timestamp()
    at = parsedate_to_datetime(said).timestamp() if said else written
    return Stored(
        etag=answer["ETag"],
        size_bytes=answer["ContentLength"],
        metadata=answer["Metadata"],
        age_seconds=at - written,
        body=body,
    )
