"""The objects of a run directory in S3: read, listed, and written on conditions.

Rules kept here:

1. Every write of an object that two runners may write has a condition: the ETag of the object that it
   replaces, or that there is none. Two writers never both succeed.
2. Each such write carries the id of its writer. If the answer to it was lost, the next one is refused (412)
   because of the writer's own object; the id tells that from the object of another writer.
3. A request is not repeated here, except after the lost answer to a write. The caller decides about repeats.
4. Blocking; any thread may use it.
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
from loader.sources.s3_client import S3Client

WRITER = "writer"
"""Metadata of an object: the id of the process that wrote it."""

QUICK = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 1}, max_pool_connections=16)
"""For small objects. Two tries with it are shorter than a lease."""

PATIENT = Config(
    connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1}, max_pool_connections=16
)
"""For copies of checkpoints."""

NO_ETAG = '"00000000000000000000000000000000"'
"""An ETag that no object of a run directory has."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was seen.

    Attributes:
        etag: What S3 calls this content.
        size_bytes: Its size.
        metadata: What its writer said about it.
        age_seconds: How long ago it was written, by the clock of S3 alone.
        at: The time of S3, in epoch seconds.
        body: Its content, if that was asked for.
    """

    etag: str
    size_bytes: int
    metadata: Mapping[str, str]
    age_seconds: float
    at: float
    body: bytes = b""


class Objects:
    """The objects below an address.

    Args:
        address: ``s3://bucket/prefix``.
        s3: Asks S3 as the user.
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

    def listed(self) -> dict[str, str]:
        """Return the ETag of each object, by its name below the address.

        Raises:
            Unreachable: S3 gave no usable answer.
            CheckpointError: S3 refuses.
        """
        with self._answers(""):
            pages = self._quick.get_paginator("list_objects_v2")
            return {
                entry["Key"].removeprefix(self._prefix): entry["ETag"]
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix)
                for entry in page.get("Contents", ())
                if not entry["Key"].endswith("/")
            }

    def seen(self, name: str) -> Stored | None:
        """Return what is known of an object without its content; None if there is none.

        Raises:
            Unreachable: S3 gave no usable answer.
            CheckpointError: S3 refuses.
        """
        with self._answers(name), _gone_is_none():
            return _stored(self._quick.head_object(Bucket=self._bucket, Key=self._prefix + name))
        return None

    def read(self, name: str) -> Stored | None:
        """Return a small object with its content; None if there is none.

        Raises:
            Unreachable: S3 gave no usable answer.
            CheckpointError: S3 refuses.
        """
        with self._answers(name), _gone_is_none():
            answer = self._quick.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return _stored(answer, answer["Body"].read())
        return None

    def download(self, name: str, into: BinaryIO) -> Stored | None:
        """Write the content of an object into a file; return what is known of it, or None if there is none.

        Raises:
            Unreachable: S3 gave no usable answer, or the answer broke off.
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
        """Write an object in place of the one with an ETag, or a new one; return its ETag.

        Args:
            name: Its name below the address.
            body: Its content; a file is read from its beginning.
            etag: ETag of the object that it replaces; None if there must be none.
            writer: Id of the process that writes.
            metadata: What else is to be kept with it.

        Raises:
            ConditionFailed: The object is another writer's by now.
            Unreachable: S3 gave no usable answer. The object may have been written all the same.
            CheckpointError: S3 refuses.
        """
        for tries_left in (1, 0):
            try:
                return self._put(name, body, etag, {WRITER: writer, **metadata})
            except ConditionFailed:
                mine = self.seen(name)
                if not tries_left or mine is None or mine.metadata.get(WRITER) != writer:
                    raise
                etag = mine.etag  # written by an earlier try whose answer was lost
        raise AssertionError("the last try returns or raises")

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
                # If-Match on an object that is gone is answered with 404.
                if code in CONDITION_FAILED or status == 412 or (etag is not None and code in NO_SUCH_OBJECT):  # noqa: PLR2004 - HTTP's
                    raise ConditionFailed(name) from error
                raise
        return str(answer["ETag"])

    def check_conditions(self, name: str, body: bytes, *, writer: str) -> None:
        """Refuse a store that writes whatever the condition says: no lease would keep a second runner out.

        Args:
            name: An object of this writer, which is there.
            body: Its content: what a store without conditions writes again.
            writer: Id of the process that writes.

        Raises:
            Unreachable: S3 gave no usable answer.
            CheckpointError: The store knows no conditions, or refuses.
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
        """Write an object whatever is there; return its ETag.

        Raises:
            Unreachable: S3 gave no usable answer.
            CheckpointError: S3 refuses.
        """
        with self._answers(name):
            answer = self._patient.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body)
        return str(answer["ETag"])

    def remove(self, name: str) -> None:
        """Remove an object, if there is one.

        Raises:
            Unreachable: S3 gave no usable answer.
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
        at=at,
        body=body,
    )
