"""The wire protocol: the body of a request, and the meaning of an answer.

Rules:

1. The module handles paths, members and headers only; it has no socket, no clock and no retry.
2. No answer raises an exception: it may come from a proxy, be incomplete, or be hostile.
3. Text from an answer is clipped and stripped of control characters before it leaves this module.
4. An answer is from the service if it has a request id or the service's error format; every other
   answer is from an intermediary.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from html import unescape
from urllib.parse import urlsplit

import orjson

from loader.json_quoting import BODY_START
from loader.model import MAX_RETRY_AFTER_SECONDS, Destination, Event, Outcome, OutcomeKind
from loader.service.foreign_forms import decoded, xml_error_code, xml_message
from loader.service.outcomes import SKEW_MESSAGES, is_known, kind_of
from loader.service.path_faults import code_of_foreign_answer, path_fault

EVENTS_PATH = "/api-data/data-integration/instance/{instance_id}/data-integration-events"
"""``http.requestUri`` of SendDataIntegrationEvent in the service model 2024-01-01."""

MAX_MESSAGE_CHARS = 500
"""Enough for every documented message. A longer text is cut, because a message may repeat the payload."""

MAX_CODE_CHARS = 100

MAX_TITLE_CHARS = 100
"""Limit of the title of an HTML page that arrives instead of an answer."""

FIRST_DATE = datetime(2020, 1, 1, tzinfo=UTC)
LAST_DATE = datetime(2100, 1, 1, tzinfo=UTC)
"""Bounds of the dates that are read here. They correct a clock, so a date outside is ignored as a fault."""

_HEX = "[0-9a-fA-F]"  # matches in half the time of re.IGNORECASE
_UUID = re.compile(f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
_TITLE = re.compile(r"<(?:title|h1)[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,6})?", re.ASCII)


def send_path(instance_id: str) -> str:
    """Return the path to which the events of an instance are posted."""
    return EVENTS_PATH.format(instance_id=instance_id)


class EventEncoder:
    """Builds request bodies for one destination.

    Args:
        destination: Target of the events.
    """

    __slots__ = ("_end",)

    def __init__(self, destination: Destination) -> None:
        members: dict[str, object] = {"eventType": destination.event_type}
        if destination.dataset_arn is not None:
            members["datasetTarget"] = {
                "datasetIdentifier": destination.dataset_arn,
                "operationType": destination.operation,
            }
        self._end = b"," + orjson.dumps(members)[1:]

    def body(self, event: Event) -> bytes:
        """Return the JSON body of ``event``; equal events give equal bytes."""
        timestamp = event.timestamp
        return b"".join(
            (
                BODY_START,
                event.quoted,  # most of the body, and quoted already
                b'","clientToken":"',
                event.token.encode(),
                b'","eventGroupId":',
                orjson.dumps(event.group),
                # The text is copied: as a float, 1515531081.123000001 would lose digits.
                b"" if timestamp is None else b',"eventTimestamp":' + timestamp.encode(),
                self._end,
            )
        )

    def body_hash(self, event: Event, body: bytes) -> str | None:
        """Return the SHA-256 of the body of ``event`` in hex, or None if no precomputed state exists."""
        if event.begun is None:
            return None
        whole = event.begun.copy()
        whole.update(memoryview(body)[len(BODY_START) + len(event.quoted) :])
        return whole.hexdigest()


def read_response(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Return the outcome that an answer means. Never raises.

    Args:
        status: HTTP status.
        headers: The answer's headers by lower-case name.
        body: The answer's body, possibly cut at the transport's limit.
    """
    fields = _json_object(body)
    if not fields and "content-encoding" in headers:
        body = decoded(body, headers["content-encoding"])
        fields = _json_object(body)
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successful statuses
        event_id = fields.get("eventId")
        if isinstance(event_id, str) and _UUID.fullmatch(event_id):
            # Nothing else is read, because thousands of such answers arrive each second.
            return Outcome(OutcomeKind.ACCEPTED, status=status, event_id=event_id)
    request_id = headers.get("x-amzn-requestid")
    code = _error_code(headers, fields) or (xml_error_code(_text(body)) if request_id else "")
    message = _error_message(fields, body)
    if not _is_of_service(headers, fields, code, message):
        return _foreign(status, headers, body, message)
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successful statuses
        kind, code, message = OutcomeKind.UNKNOWN, "NoReceipt", clean(_text(body))
    else:
        kind = kind_of(status, code, message)
    server_time = read_date(headers.get("date"))
    return Outcome(
        kind,
        code=code or f"HTTP{status}",
        message=message,
        status=status,
        request_id=request_id and clean(request_id, MAX_CODE_CHARS),
        retry_after_seconds=_retry_after_seconds(headers, server_time),
        server_time=server_time,
        may_have_been_accepted=_may_have_been_accepted(status),
    )


def _is_of_service(headers: Mapping[str, str], fields: Mapping[str, object], code: str, message: str) -> bool:
    return bool(
        headers.get("x-amzn-requestid")
        or headers.get("x-amzn-errortype")
        or isinstance(fields.get("__type"), str)
        or is_known(code)
        # A front end of AWS refuses a skewed clock without an error code.
        or (fields and message.startswith(SKEW_MESSAGES))
    )


def _foreign(status: int, headers: Mapping[str, str], body: bytes, message: str) -> Outcome:
    """Return the outcome of an answer that does not come from the service."""
    text = _text(body)
    server_time = read_date(headers.get("date"))
    code = code_of_foreign_answer(status, text)
    fault = path_fault(code)
    assert fault is not None  # each status, or its class, has a row
    return Outcome(
        fault.kind,
        code=code,
        message=_target(status, headers) or _title(text) or message,
        status=status,
        retry_after_seconds=_retry_after_seconds(headers, server_time),
        server_time=server_time,
        may_have_been_accepted=_may_have_been_accepted(status),
        of_service=False,
    )


def _may_have_been_accepted(status: int) -> bool:
    # Only 3xx and 4xx prove that the event was not accepted.
    return not 300 <= status < 500  # noqa: PLR2004 - the classes of refusals


def _target(status: int, headers: Mapping[str, str]) -> str:
    """Return the target of a redirect without path and query, which may repeat the request."""
    if not 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        return ""
    try:
        parts = urlsplit(headers.get("location", "")[: 4 * MAX_MESSAGE_CHARS])
        host = parts.hostname
    except ValueError:
        return ""
    return clean(f"to {parts.scheme or 'the same scheme'}://{host}", MAX_TITLE_CHARS) if host else ""


def _title(text: str) -> str:
    """Return the title or heading of an HTML page, or "". Its content may repeat the request."""
    match = _TITLE.search(text)
    return clean(" ".join(unescape(match[1]).split()), MAX_TITLE_CHARS) if match else ""


def clean(text: str, max_chars: int = MAX_MESSAGE_CHARS) -> str:
    """Return ``text`` clipped, with blanks instead of characters that are not printable."""
    text = text[:max_chars]
    if text.isprintable():
        return text
    # This also removes lone surrogates, which cannot be encoded.
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _error_code(headers: Mapping[str, str], fields: Mapping[str, object]) -> str:
    """Return the error code by the rules of AWS restJson1, or "" without one."""
    candidates = (
        headers.get("x-amzn-errortype"),
        fields.get("__type"),
        fields.get("code"),
        fields.get("Code"),
    )
    for candidate in candidates:
        if isinstance(candidate, str):
            code = candidate.split(":", 1)[0].rsplit("#", 1)[-1].strip()
            if code:
                return clean(code, MAX_CODE_CHARS)
    return ""


def _error_message(fields: Mapping[str, object], body: bytes) -> str:
    for name in ("message", "Message"):
        message = fields.get(name)
        if isinstance(message, str):
            return clean(message)
    if words := xml_message(_text(body)):
        return clean(words)
    # The format is not the service's: the first words of a proxy's page help to find its sender.
    return "" if fields else clean(_text(body))


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(body: bytes) -> str:
    return body[: 4 * MAX_MESSAGE_CHARS].decode(errors="replace")


@lru_cache(maxsize=16)  # the date changes once a second, and thousands of answers arrive in that time
def read_date(value: str | None) -> float | None:
    """Return an HTTP date in epoch seconds, or None if it is missing, invalid or out of bounds."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value[:MAX_CODE_CHARS])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" means UTC (RFC 5322)
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() if FIRST_DATE <= moment < LAST_DATE else None


def _retry_after_seconds(headers: Mapping[str, str], server_time: float | None) -> float | None:
    """Return the server's hint in seconds. AWS's header has milliseconds, HTTP's seconds or a date."""
    milliseconds = headers.get("x-amz-retry-after", "").strip()
    if _DECIMAL.fullmatch(milliseconds):
        seconds = float(milliseconds) / 1000
    else:
        hint = headers.get("retry-after", "").strip()
        if _DECIMAL.fullmatch(hint):
            seconds = float(hint)
        else:
            # The date is compared with the server's clock, because the local one may be wrong.
            until = read_date(hint)
            if until is None or server_time is None:
                return None
            seconds = max(0.0, until - server_time)
    return min(seconds, MAX_RETRY_AFTER_SECONDS)
