"""Errors of the service: code, HTTP status and message.

Any step between reading and accepting a request may raise a ``Refusal``; it becomes the answer.
"""

from collections.abc import Mapping
from functools import cache

from loader.emulator.model.shapes import service_model

# Common Errors of the API reference, and codes that AWS front ends send before an operation is reached
# (docs/service.md 8.9 and 9). The errors of the operations themselves come from the service model.
COMMON_ERRORS: Mapping[str, int] = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "InternalFailure": 500,
    "InvalidSignatureException": 403,
    "MalformedHttpRequestException": 400,
    "MissingAuthenticationTokenException": 403,
    "NotAuthorized": 401,
    "OptInRequired": 403,
    "RequestAbortedException": 400,
    "RequestEntityTooLargeException": 413,
    "RequestExpired": 400,
    "RequestTimeoutException": 408,
    "SerializationException": 400,
    "ServiceUnavailable": 503,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "UnsupportedMediaTypeException": 415,
    "ValidationError": 400,
}


class Refusal(Exception):
    """A request that the service does not accept.

    Args:
        code: The error code, as in ``X-Amzn-Errortype``.
        message: The reason, without values from the request's payload.
        headers: Headers to add to the answer.
    """

    def __init__(self, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return status_of(self.code)


@cache
def _modelled_errors() -> Mapping[str, int]:
    return {
        shape.error_code: shape.metadata["error"]["httpStatusCode"] for shape in service_model().error_shapes
    }


def status_of(code: str) -> int:
    """Return the HTTP status of an error code.

    Raises:
        KeyError: The code is neither in the service model nor in Common Errors.
    """
    modelled = _modelled_errors().get(code)
    return COMMON_ERRORS[code] if modelled is None else modelled
