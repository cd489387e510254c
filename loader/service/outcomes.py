"""The outcome tables: what each error code of the service means for the event and the load.

`loader.service.way_faults` has the table of answers that are not the service's.

Rule kept here: the code comes first, the status second. The same ThrottlingException is 429 on the
operation's page and 400 in Common Errors (docs/service.md 9). An unknown error is held and tried again,
never dropped.
"""

from collections.abc import Mapping

from loader.model import OutcomeKind

SKEW_MESSAGES = ("Signature expired", "Signature not yet current")
"""How AWS tells a wrong clock from a wrong key: both come with the same codes (docs/service.md 8.9)."""

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
    # docs/service.md 8.7 and 9. RequestAborted: the connection closed before the answer went out.
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
    # New credentials may help: these have run out, or are so new that not every host knows them.
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
"""Every error code that is known, by what it means. Looked at before any status."""

STATUSES: Mapping[int, OutcomeKind] = {
    402: _K.QUOTA,
    408: _K.TRANSIENT,
    413: _K.REJECTED,
    429: _K.THROTTLED,
}
"""What a status of the service means if its code is unknown. Any 5xx is TRANSIENT, the rest UNKNOWN."""

_KIND_OF_CODE = {code: kind for kind, codes in CODES.items() for code in codes}


def is_known(code: str) -> bool:
    """Return whether an error code is in the table."""
    return code in _KIND_OF_CODE


def kind_of(status: int, code: str, message: str) -> OutcomeKind:
    """Return what an error answer of the service means.

    Args:
        status: HTTP status, not one of success.
        code: The error code without its namespace, or "" if there was none.
        message: The error message.
    """
    kind = _KIND_OF_CODE.get(code)
    # Not for data errors: their messages may quote the payload.
    if kind in (None, OutcomeKind.STOP) and message.startswith(SKEW_MESSAGES):
        return OutcomeKind.SKEWED
    if kind is not None:
        return kind
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return OutcomeKind.TRANSIENT
    return STATUSES.get(status, OutcomeKind.UNKNOWN)
