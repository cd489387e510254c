"""Answers in rest-json form, and their faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import orjson

from loader.emulator.faults import FaultKind, FaultRule
from loader.emulator.model.ids import new_id
from loader.emulator.model.refusal import Refusal, status_of

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>Bad Gateway</center></body></html>"
_BAD_GATEWAY = 502
_MIDDLEBOX_STATUS = {FaultKind.PAGE: 200, FaultKind.REDIRECT: 302}


@dataclass(slots=True)
class Answer:
    """An answer before it is written to the connection.

    Attributes:
        status: HTTP status.
        body: The body; never contains payload.
        headers: Headers besides those of every answer.
        content_type: Type of the body.
        fault: The fault of the answer; None for no fault.
        delay_seconds: How long it is delayed.
        sent: Called when the answer is sent or can no longer be sent; the attempt is in flight until then.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    fault: FaultRule | None = None
    delay_seconds: float = 0.0
    sent: Callable[[], None] = lambda: None


def success(document: Mapping[str, Any]) -> Answer:
    """Return the answer 200 with a JSON object."""
    return Answer(200, orjson.dumps(document), _identified())


def refused(refusal: Refusal) -> Answer:
    """Return the answer for a refusal."""
    return _error(refusal.code, refusal.status, refusal.message, refusal.headers)


def spoiled(answer: Answer | None, fault: FaultRule) -> Answer:
    """Return an answer with a fault, or the answer that a fault gives instead of one."""
    match fault.fault:
        case FaultKind.ERROR if fault.code is not None:
            answer = _error(fault.code, fault.status or status_of(fault.code), fault.message)
        case FaultKind.HTML_ERROR:
            answer = Answer(fault.status or _BAD_GATEWAY, _HTML, content_type="text/html")
        case FaultKind.PAGE | FaultKind.REDIRECT | FaultKind.CODELESS:
            answer = _of_middlebox(fault)
        case FaultKind.NO_EVENT_ID:
            answer = success({})
        case FaultKind.NOT_JSON:
            answer = Answer(200, b'{"eventId": ', _identified())
    answer = answer or Answer(200, b"{}", _identified())
    answer.headers.update(fault.headers)
    answer.fault = fault
    return answer


def _of_middlebox(fault: FaultRule) -> Answer:
    """Return the answer of a proxy, load balancer or captive portal: no error code, no request id."""
    status = fault.status or _MIDDLEBOX_STATUS[fault.fault]
    title = escape(fault.title or str(status))
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    headers = {"Location": fault.location} if fault.fault is FaultKind.REDIRECT else {}
    return Answer(status, body.encode(), headers, content_type="text/html")


def _error(code: str, status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    named = {"X-Amzn-Errortype": code, **_identified(), **(headers or {})}
    return Answer(status, orjson.dumps({"message": message}), named)


def _identified() -> dict[str, str]:
    return {"x-amzn-RequestId": new_id()}
