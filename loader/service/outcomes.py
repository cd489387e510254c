"""The outcome tables: the meaning of each error code of the service for the event and the load.

`loader.service.path_faults` has the table of answers that do not come from the service.

Rule: the error code takes precedence over the status. ThrottlingException has status 429 on the
operation's page and 400 in Common Errors (docs/service.md 9). An event with an unknown error is held and
retried, never dropped.
"""

from collections.abc import Mapping

from loader.model import OutcomeKind

SKEW_MESSAGES = ("Signature expired", "Signature not yet current")
"""Start of messages that mean clock skew; the codes are the same as for a wrong key (docs/service.md 8.9)."""

_K = OutcomeKind

CODES: Mapping[OutcomeKind, tuple[str, ...]] = {
    # docs/service.md 8.7; LimitExceededException and TransactionInProgressException count as
    # throttling in every AWS SDK.
    _K.THROTTLED: (
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    ),
    # docs/service.md 8.7 and 9. RequestAborted: the connection closed before the answer was sent.
    _K.TRANSIENT: (
        "IDPCommunicationError",
        "InternalError",
        "InternalFailure",
        "InternalServerException",
        "RequestAbortedException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
    # New credentials may help: these are expired, or so new that not every host of AWS knows them.
    _K.REFRESH: (
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClient",
        "UnrecognizedClientException",
    ),
    # docs/service.md 8.9.
    _K.SKEWED: ("RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"),
    # The service would refuse the event again (a Conflict is recorded as failed without bisection).
    _K.REJECTED: (
        "ConflictException",
        "MalformedHttpRequestException",
        "RequestEntityTooLargeException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    ),
    _K.QUOTA: ("ServiceQuotaExceededException",),
    # Every event would be refused the same way: rights, instance, credentials, endpoint.
    _K.STOP: (
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnknownOperation",
        "UnknownOperationException",
    ),
}
"""Every known error code by meaning. The code is looked up before the status."""

_STATUSES: Mapping[int, OutcomeKind] = {
    402: _K.QUOTA,
    408: _K.TRANSIENT,
    413: _K.REJECTED,
    429: _K.THROTTLED,
}
"""Meaning of a status of the service with an unknown code. Any 5xx is TRANSIENT, all others are UNKNOWN."""

_KIND_OF_CODE = {code: kind for kind, codes in CODES.items() for code in codes}


def is_known(code: str) -> bool:
    """Return whether an error code is in the table."""
    return code in _KIND_OF_CODE


def kind_of(status: int, code: str, message: str) -> OutcomeKind:
    """Return the meaning of an error answer of the service.

    Args:
        status: HTTP status, outside 200 to 299.
        code: The error code without its namespace, or "" without one.
        message: The error message.
    """
    kind = _KIND_OF_CODE.get(code)
    # Data errors are excluded, because their messages may quote the payload.
    if kind in (None, OutcomeKind.STOP) and message.startswith(SKEW_MESSAGES):
        return OutcomeKind.SKEWED
    if kind is not None:
        return kind
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return OutcomeKind.TRANSIENT
    return _STATUSES.get(status, OutcomeKind.UNKNOWN)
