"""The meaning of S3's responses for a run directory: temporary, permanent, or a failed condition."""

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from loader.errors import CheckpointError, LoaderError

CONDITION_FAILED = ("412", "PreconditionFailed")
NO_SUCH_OBJECT = ("404", "NoSuchKey", "NotFound")
LASTING = (400, 401, 403, 404, 405, 501)
"""Permanent statuses, except with the codes below."""
PASSING_CODES = (
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ExpiredToken",
    "SlowDown",
    "ConditionalRequestConflict",
)


class Unreachable(Exception):
    """S3 gave no response, or a temporary error.

    Args:
        why: The cause, without secrets.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ConditionFailed(Exception):
    """Another writer has written or removed the object to replace."""


@contextmanager
def answers(where: str) -> Iterator[None]:
    """Distinguish temporary errors from permanent ones.

    Args:
        where: The address of an object.

    Raises:
        Unreachable: The error is temporary.
        CheckpointError: S3 refuses.
    """
    try:
        yield
    except NoCredentialsError as error:
        raise _refused(where, "No AWS credentials were found.") from error
    except BotoCoreError as error:
        raise Unreachable(str(error)) from error
    except ClientError as error:
        code, status = code_of(error)
        message = str(error.response["Error"].get("Message", ""))
        if status in LASTING and code not in PASSING_CODES:
            raise _refused(where, f"{code}: {message}") from error
        raise Unreachable(f"{code or status}: {message}") from error
    except LoaderError as error:  # of the shared client: a missing bucket, an unusable endpoint
        raise _refused(where, f"{error.what} {error.why}".strip()) from error
    except (ConnectionError, TimeoutError, SSLError) as error:  # during a response; other OSErrors are local
        raise Unreachable(str(error)) from error


def code_of(error: ClientError) -> tuple[str, int]:
    """Return the code and the HTTP status of a refusal."""
    answer = error.response
    return str(answer["Error"].get("Code", "")), int(answer["ResponseMetadata"]["HTTPStatusCode"])


def _refused(where: str, why: str) -> CheckpointError:
    return CheckpointError(
        "The run directory in S3 cannot be used.",
        where=where,
        why=why,
        next_step="s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket are needed; the credentials "
        "are those of --extract-profile or --profile",
    )
