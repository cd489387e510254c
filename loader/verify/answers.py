"""What GetDataIntegrationEvent and ListDataIntegrationEvents tell of events (pure).

Rule kept here: only ``datasetLoadExecution`` speaks of a load. An event without it, as every typed one, is
known to the service, and nothing more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from loader.checkpoint.verdicts import Verdict
from loader.service.protocol import clean

EVENT_LIFE_SECONDS = 30 * 86_400.0
"""How long Get and List tell of an event (docs/service.md 3.5)."""

_STATUSES = {
    "SUCCEEDED": Verdict.SUCCEEDED,
    "FAILED": Verdict.FAILED,
    "IN_PROGRESS": Verdict.IN_PROGRESS,
}
"""``DatasetLoadExecutionStatus``. A status that is not among them may change still: it is in progress."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the service tells of one event.

    Attributes:
        event_id: Its receipt.
        verdict: Its verdict.
        message: The service's words on a failed load (may echo payload; not for logs).
    """

    event_id: str
    verdict: Verdict
    message: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of List.

    Attributes:
        events: What it tells of events.
        next_token: Where the next page begins; empty if this is the last.
    """

    events: tuple[Told, ...]
    next_token: str


def read_event(body: bytes) -> Told | None:
    """Return what an answer of Get tells; None if it is not one."""
    document = _json_object(body)
    event = document.get("event")
    return _told(event) if isinstance(event, dict) else None


def read_page(body: bytes) -> Page | None:
    """Return what an answer of List tells; None if it is not one."""
    document = _json_object(body)
    events, token = document.get("events"), document.get("nextToken")
    if not isinstance(events, list):
        return None
    told = [_told(event) for event in events if isinstance(event, dict)]
    return Page(tuple(each for each in told if each is not None), token if isinstance(token, str) else "")


def verdict_on_absent(accepted_since: float, now: float) -> Verdict:
    """Return the verdict on a receipt that Get does not find.

    Args:
        accepted_since: Earliest time at which the event can have been accepted, in epoch seconds.
        now: The service's time in epoch seconds.
    """
    return Verdict.UNKNOWN if now - accepted_since >= EVENT_LIFE_SECONDS else Verdict.MISSING


def _told(event: Mapping[str, Any]) -> Told | None:
    event_id = event.get("eventId")
    if not isinstance(event_id, str):
        return None
    details = event.get("datasetTargetDetails")
    execution = details.get("datasetLoadExecution") if isinstance(details, dict) else None
    if not isinstance(execution, dict):
        return Told(event_id, Verdict.KNOWN)
    message = execution.get("message")
    verdict = _STATUSES.get(str(execution.get("status")), Verdict.IN_PROGRESS)
    return Told(event_id, verdict, clean(message) if isinstance(message, str) else "")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
