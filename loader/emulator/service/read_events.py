"""GetDataIntegrationEvent and ListDataIntegrationEvents: what the service tells of accepted events."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from loader.emulator.faults import FaultKind
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import max_value
from loader.emulator.store.ledger import LedgerRow
from loader.emulator.store.store import Store

EVENT_LIFE_SECONDS = 30 * 86_400.0
"""Older events are not told of (docs/service.md 3.5)."""


async def get_event(
    store: Store, members: Mapping[str, Any], now: float, load_seconds: float
) -> dict[str, Any]:
    """Return the output of GetDataIntegrationEvent.

    Args:
        store: Where the ledger is.
        members: A checked input.
        now: Epoch seconds.
        load_seconds: How long events of type ``scn.data.dataset`` stay IN_PROGRESS.

    Raises:
        Refusal: There is no such event, or none young enough.
    """
    since = now - EVENT_LIFE_SECONDS
    row = await store.read(lambda: store.ledger.event(members["instanceId"], members["eventId"], since))
    if row is None:
        raise Refusal("ResourceNotFoundException", "There is no such event")
    return {"event": _as_event(row, now, load_seconds)}


async def list_events(
    store: Store, members: Mapping[str, Any], now: float, load_seconds: float
) -> dict[str, Any]:
    """Return the output of ListDataIntegrationEvents, in the order the events were accepted.

    Args:
        store: Where the ledger is.
        members: A checked input.
        now: Epoch seconds.
        load_seconds: How long events of type ``scn.data.dataset`` stay IN_PROGRESS.

    Raises:
        Refusal: The next token is none of ours.
    """
    after_seq = _position(members["nextToken"]) if "nextToken" in members else 0
    limit: int = members.get("maxResults", max_value("DataIntegrationEventMaxResults"))
    event_type, instance_id = members.get("eventType"), members["instanceId"]
    since = now - EVENT_LIFE_SECONDS
    rows = await store.read(lambda: store.ledger.events(instance_id, event_type, since, after_seq, limit + 1))
    output: dict[str, Any] = {"events": [_as_event(row, now, load_seconds) for row in rows[:limit]]}
    if len(rows) > limit:
        output["nextToken"] = _next_token(rows[limit - 1].seq)
    return output


def _as_event(row: LedgerRow, now: float, load_seconds: float) -> dict[str, Any]:
    event: dict[str, Any] = {
        "instanceId": row.instance_id,
        "eventId": row.event_id,
        "eventType": row.event_type,
        "eventGroupId": row.event_group,
        # "If not set, the time of receipt" (docs/service.md 2.7).
        "eventTimestamp": row.at if row.event_timestamp is None else row.event_timestamp,
    }
    if row.dataset:
        event["datasetTargetDetails"] = {
            "datasetIdentifier": row.dataset,
            "operationType": row.operation,
            "datasetLoadExecution": _load_execution(row, now, load_seconds),
        }
    return event


def _load_execution(row: LedgerRow, now: float, load_seconds: float) -> dict[str, str]:
    if now - row.at < load_seconds:
        return {"status": "IN_PROGRESS"}
    if row.fault == FaultKind.LOAD_FAILED:
        return {"status": "FAILED", "message": "Injected by the emulator's fault plan"}
    return {"status": "SUCCEEDED"}


def _next_token(seq: int) -> str:
    return urlsafe_b64encode(b"after:%d" % seq).decode()


def _position(token: str) -> int:
    try:
        text = urlsafe_b64decode(token.encode()).decode()
    except (Base64Error, ValueError):
        text = ""
    match = re.fullmatch(r"after:(\d{1,18})", text, re.ASCII)
    if match is None:
        raise Refusal("ValidationException", "The next token is not valid")
    return int(match[1])
