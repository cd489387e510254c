"""Read answers of GetDataIntegrationEvent and ListDataIntegrationEvents (pure).

Rule kept here: only ``datasetLoadExecution`` reports a load. Without it, as for every typed event, an answer
confirms only that the service knows the event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from loader.checkpoint.verdicts import Verdict
from loader.service.protocol import clean

EVENT_LIFE_SECONDS = 30 * 86_400.0
"""How long Get and List report an event (docs/service.md 3.5)."""

_STATUSES = {
    "SUCCEEDED": Verdict.SUCCEEDED,
    "FAILED": Verdict.FAILED,
    "IN_PROGRESS": Verdict.IN_PROGRESS,
}
"""``DatasetLoadExecutionStatus``. An unknown status may still change, so it counts as in progress."""


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """The answer about one event.

    Attributes:
        event_id: Its receipt.
        verdict: Its verdict.
        message: The service's message on a failed load (may repeat row data; not for logs).
    """

    event_id: str
    verdict: Verdict
    message: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of List.

    Attributes:
        events: The events that it lists.
        next_token: Token of the next page; empty on the last page.
    """

    events: tuple[EventAnswer, ...]
    next_token: str


def read_event(body: bytes) -> EventAnswer | None:
    """Return the event in an answer of Get; None if the body is not such an answer."""
    document = _json_object(body)
    event = document.get("event")
    return _event_answer(event) if isinstance(event, dict) else None


def read_page(body: bytes) -> Page | None:
    """Return the page in an answer of List; None if the body is not such an answer."""
    document = _json_object(body)
    events, token = document.get("events"), document.get("nextToken")
    if not isinstance(events, list):
        return None
    answers = [_event_answer(event) for event in events if isinstance(event, dict)]
    return Page(tuple(each for each in answers if each is not None), token if isinstance(token, str) else "")


def verdict_on_absent(accepted_since: float, now: float) -> Verdict:
    """Return the verdict on a receipt that Get does not find.

    Args:
        accepted_since: Earliest time at which the event can have been accepted, in epoch seconds.
        now: The service's time in epoch seconds.
    """
    return Verdict.UNKNOWN if now - accepted_since >= EVENT_LIFE_SECONDS else Verdict.MISSING


def _event_answer(event: Mapping[str, Any]) -> EventAnswer | None:
    event_id = event.get("eventId")
    if not isinstance(event_id, str):
        return None
    details = event.get("datasetTargetDetails")
    execution = details.get("datasetLoadExecution") if isinstance(details, dict) else None
    if not isinstance(execution, dict):
        return EventAnswer(event_id, Verdict.KNOWN)
    message = execution.get("message")
    verdict = _STATUSES.get(str(execution.get("status")), Verdict.IN_PROGRESS)
    return EventAnswer(event_id, verdict, clean(message) if isinstance(message, str) else "")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
