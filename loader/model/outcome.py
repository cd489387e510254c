"""The outcome of one attempt: one HTTP request for an event."""

from dataclasses import dataclass, field
from enum import Enum

MAX_RETRY_AFTER_SECONDS = 300.0
"""Upper bound of a server's Retry-After, so that a wrong header does not stop a load for hours.

It equals the longest pause after a quota refusal.
"""


class OutcomeKind(Enum):
    """The kind of an outcome. `loader.delivery.outcomes.retry` decides the next step for each."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    REFRESH = "refresh"
    SKEWED = "skewed"
    REJECTED = "rejected"
    QUOTA = "quota"
    STOP = "stop"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(slots=True)  # not frozen: creation would take three times as long
class Outcome:
    """The answer to one attempt, or the reason for its absence.

    Attributes:
        kind: Its meaning for the event and the load.
        code: The service's error code, or the loader's own without an answer ("Timeout").
        message: The service's message, clipped. It may echo the payload, so it is never logged.
        status: HTTP status, or None without an answer.
        event_id: The receipt, for ACCEPTED only.
        request_id: ``x-amzn-RequestId``, for support cases; None for an acceptance.
        retry_after_seconds: The server's hint, or None.
        server_time: The answer's ``Date`` header in epoch seconds, or None; None for an acceptance.
        may_have_been_accepted: Whether the service may have the event although no receipt arrived (a timeout
            or reset after the request was sent, a 5xx, an unreadable answer).
        of_service: Whether the answer is the service's own. Otherwise it came from an intermediary (a proxy,
            a load balancer, a captive portal), or there was no answer.
    """

    kind: OutcomeKind
    code: str = ""
    message: str = field(default="", repr=False)
    status: int | None = None
    event_id: str | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None
    server_time: float | None = None
    may_have_been_accepted: bool = False
    of_service: bool = True
