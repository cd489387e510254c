"""Access to S3: botocore's client for each bucket, and errors of S3 as errors that users can act on.

Rules kept here:

1. Profile, region, credentials, endpoint (``AWS_ENDPOINT_URL_S3``), proxy and CA bundle are found where the
   AWS command line finds them.
2. A part of an object is read only if the object did not change since it was found (``If-Match``).
3. Calls block. Any thread may use the client.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from loader.aws.endpoint import check_url
from loader.aws.session import open_session
from loader.errors import ExtractError, NothingToLoad

_TRIES = 5
"""Maximum attempts of a request, and maximum requests for a part if answers break off."""

_PAUSE_SECONDS = 1.0
"""Pause before a part is requested again."""

CONFIG = Config(
    connect_timeout=10,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": _TRIES},
    max_pool_connections=16,
)

GONE = ("404", "NoSuchKey")
CHANGED = ("412", "PreconditionFailed")

AGAIN = "run the same command again: it resumes"


@dataclass(frozen=True, slots=True)
class S3Access:
    """The credentials and the Region with which S3 is reached.

    Attributes:
        profile: AWS profile, or None for ``AWS_PROFILE`` or the default one.
        region: AWS Region of the first request about a bucket, or None. Buckets in other Regions are found.
    """

    profile: str | None = None
    region: str | None = None

    def client(self) -> "S3Client":
        """Return a client. Nothing is looked up before its first request."""
        return S3Client(self.profile, self.region)


class S3Client:
    """Sends requests to S3 with the user's credentials. The Region of a bucket is looked up on first use.

    Args:
        profile: AWS profile, or None for ``AWS_PROFILE`` or the default one.
        region: AWS Region of the first request about a bucket, or None. Buckets in other Regions are found.
    """

    def __init__(self, profile: str | None, region: str | None) -> None:
        self._profile = profile
        self._region = region
        self.of = cache(self._client_of)

    @cached_property
    def _session(self) -> Any:
        return open_session(self._profile, self._region)

    def configured(self, bucket: str, config: Config) -> Any:
        """Return a client for the Region of a bucket, with its own configuration."""
        return self._client(self.of(bucket).meta.region_name, config)

    def _client(self, region: str | None, config: Config = CONFIG) -> Any:
        try:
            client = self._session.create_client("s3", region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ExtractError(
                "The client for S3 cannot be created.",
                why=str(error),
                next_step="check the Region, the profile and the endpoint in the AWS configuration",
            ) from error
        check_url(str(client.meta.endpoint_url), "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile")
        return client

    def _client_of(self, bucket: str) -> Any:
        """Return the client for the Region of a bucket."""
        client = self._client(None)
        with refusals(f"s3://{bucket}"):
            try:
                answer = client.head_bucket(Bucket=bucket)
            except ClientError as error:
                # The permission to read objects does not include HeadBucket, but the error names the Region.
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (301, 400, 403):
                    raise
                answer = error.response
        region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return client if region in (None, client.meta.region_name) else self._client(region)

    def read(self, bucket: str, key: str, etag: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from ``start`` up to ``end``.

        Raises:
            NothingToLoad: The object does not exist any more.
            ExtractError: The object changed, or cannot be read.
        """
        part = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{end - 1}", "IfMatch": etag}
        with refusals(f"s3://{bucket}/{key}"):
            return _until_whole(lambda: self.of(bucket).get_object(**part)["Body"])


def _until_whole(ask: Callable[[], Any]) -> bytes:
    """Repeat the request if its answer breaks off or stalls. Before the first byte, botocore repeats it."""
    for tries_left in reversed(range(_TRIES)):
        body = ask()
        try:
            content: bytes = body.read()
        except BotoCoreError:
            if not tries_left:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return content
    raise AssertionError("the last try returns or raises")


@contextmanager
def refusals(url: str) -> Iterator[None]:
    """Convert errors of S3 and of the connection into errors for users.

    Raises:
        NothingToLoad: The object does not exist.
        ExtractError: Any other error.
    """
    try:
        yield
    except NoCredentialsError as error:
        raise _no_credentials() from error
    except BotoCoreError as error:
        raise ExtractError("S3 cannot be reached.", where=url, why=str(error), next_step=AGAIN) from error
    except ClientError as error:
        raise _refused(url, error) from error


def _no_credentials() -> ExtractError:
    return ExtractError(
        "No AWS credentials for S3 were found.",
        next_step="log in as for the AWS command line, or set --profile or --extract-profile",
    )


def _refused(url: str, error: ClientError) -> ExtractError | NothingToLoad:
    code = str(error.response["Error"].get("Code", ""))
    is_bucket = "/" not in url.removeprefix("s3://")
    if code == "NoSuchBucket" or (is_bucket and code in GONE):
        return ExtractError("The bucket does not exist.", where=url, why=code, next_step="check its spelling")
    if code in GONE:
        return NothingToLoad("No object matches.", where=url, next_step="check the key and its spelling")
    if code in CHANGED:
        return changed_object(url)
    if code in ("403", "AccessDenied"):
        return ExtractError(
            "S3 denies access to the extract.",
            where=url,
            why=f"{code}: the credentials lack a permission, or the object does not exist",
            next_step="s3:GetObject is needed, and s3:ListBucket for prefixes and globs",
        )
    message = str(error.response["Error"].get("Message", ""))
    return ExtractError(
        "S3 rejected the request for the extract.",
        where=url,
        why=f"{code}: {message}",
        next_step="look up the code in the documentation of Amazon S3, and check the address",
    )


def changed_object(url: str) -> ExtractError:
    """Return the error for an object that changed since the load began."""
    return ExtractError(
        "An object of the extract changed while it was being read.",
        where=url,
        why="its ETag changed since the load began",
        next_step="load a copy that no program writes to; the checkpoint has the events sent so far",
    )
