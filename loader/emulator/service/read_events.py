"""GetDataIntegrationEvent and ListDataIntegrationEvents: report the state of accepted events."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import max_value
from loader.emulator.service.load_states import load_execution
from loader.emulator.settings import EmulatorSettings
from loader.emulator.store.ledger import LedgerRow, Listing
from loader.emulator.store.store import Store

EVENT_LIFE_SECONDS = 30 * 86_400.0
"""Older events are unknown (docs/service.md 3.5)."""

_FIRST_ID = "0" * 36

_FORMS = {"newest": r"newest:(\d{1,18})", "oldest": r"oldest:(\d{1,18})", "mixed": r"mixed:([0-9a-f-]{36})"}
"""Content of a next token: the number of events before the page, or the last event id before it."""


class EventReader:
    """Reports accepted events.

    Args:
        settings: Duration of loads, known instances, and the order of List.
        store: The store with the ledger.
    """

    def __init__(self, settings: EmulatorSettings, store: Store) -> None:
        self._load_seconds = settings.load_seconds
        self._instances = settings.instance_ids
        self._order = settings.list_order
        self._store = store

    async def get(self, members: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Return the output of GetDataIntegrationEvent.

        Args:
            members: A checked input.
            now: Epoch seconds.

        Raises:
            Refusal: The event does not exist or is too old.
        """
        self._check_instance(members)
        store, since = self._store, now - EVENT_LIFE_SECONDS
        row = await store.read(lambda: store.ledger.event(members["instanceId"], members["eventId"], since))
        if row is None:
            raise Refusal("ResourceNotFoundException", "There is no such event")
        return {"event": _as_event(row, now, self._load_seconds)}

    async def list(self, members: Mapping[str, Any], now: float, *, is_endless: bool) -> dict[str, Any]:
        """Return the output of ListDataIntegrationEvents.

        Args:
            members: A checked input.
            now: Epoch seconds.
            is_endless: Whether the first page follows the last one.

        Raises:
            Refusal: The next token was not issued by this emulator.
        """
        self._check_instance(members)
        # The model permits a minimum of 0, but empty pages would never end.
        limit = members.get("maxResults") or max_value("DataIntegrationEventMaxResults")
        before = self._before(members["nextToken"]) if "nextToken" in members else ""
        listing = Listing(members["instanceId"], members.get("eventType"), now - EVENT_LIFE_SECONDS)
        store = self._store
        rows = await store.read(lambda: store.ledger.listed(listing, self._order, before, limit + 1))
        output: dict[str, Any] = {"events": [_as_event(row, now, self._load_seconds) for row in rows[:limit]]}
        if len(rows) > limit:
            output["nextToken"] = self._token(before, rows[limit - 1], limit)
        elif is_endless:
            output["nextToken"] = _encoded(f"{self._order}:{_FIRST_ID if self._order == 'mixed' else 0}")
        return output

    def _check_instance(self, members: Mapping[str, Any]) -> None:
        if self._instances and members["instanceId"] not in self._instances:
            raise Refusal("ResourceNotFoundException", "There is no such instance")

    def _token(self, before: str, last: LedgerRow, limit: int) -> str:
        if self._order == "mixed":
            return _encoded(f"mixed:{last.event_id}")
        return _encoded(f"{self._order}:{int(before or 0) + limit}")

    def _before(self, token: str) -> str:
        try:
            text = urlsafe_b64decode(token.encode()).decode()
        except (Base64Error, ValueError):
            text = ""
        match = re.fullmatch(_FORMS[self._order], text, re.ASCII)
        if match is None:
            raise Refusal("ValidationException", "The next token is not valid")
        return match[1]


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
            "datasetLoadExecution": load_execution(row, now, load_seconds),
        }
    return event


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()
