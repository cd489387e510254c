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


@dataclass(slots=True)  # not frozen: a frozen one takes three times as long to make
class Outcome:
    """The answer to one attempt, or the reason for its absence.

    Attributes:
        kind: Its meaning for the event and the load.
        code: The service's error code, or the loader's own without an answer ("Timeout").
        message: The service's message, clipped. It may echo the payload, so it is never logged.
        status: HTTP status, or None if no answer came.
        event_id: The receipt, for ACCEPTED only.
        request_id: ``x-amzn-RequestId``, for support cases; not of an acceptance.
        retry_after_seconds: The server's hint, if it gave one.
        server_time: The answer's ``Date`` header in epoch seconds, if it had one; not of an acceptance.
        may_have_been_accepted: True if the service may hold the event although no receipt came
            (a timeout or reset after the request went out, a 5xx, an unreadable answer).
        of_service: Whether the answer is the service's own. If not, it came from something on the way (a
            proxy, a load balancer, a captive portal), or there was no answer.
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
