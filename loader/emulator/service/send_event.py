"""SendDataIntegrationEvent: from a request to a verdict, an answer, and records for the lake.

A call passes these checks in order: signature, JSON form, fault plan, quota, the model's constraints, the
dataset's schema, its client token. The check that stops it is its verdict in the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Any

from loader.emulator.clock import EmulatorClock
from loader.emulator.faults import FaultKind, FaultRule
from loader.emulator.model.catalog import Catalog
from loader.emulator.model.ids import new_id
from loader.emulator.model.operations import (
    SEND,
    OperationCall,
    ServiceOperation,
    check_input,
    read_input,
    refuse_faults,
)
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.schema_check import check_values, read_records
from loader.emulator.model.shapes import NUMBER, max_value
from loader.emulator.quota import Quota
from loader.emulator.service.answers import Answer, refused, spoiled, success
from loader.emulator.service.client_tokens import ClientTokens, TokenEntry, event_identity
from loader.emulator.service.gate import Gate
from loader.emulator.service.load_states import LoadOutcomes
from loader.emulator.service.signatures import WireRequest
from loader.emulator.service.targets import Targets
from loader.emulator.settings import EmulatorSettings
from loader.emulator.store import ledger
from loader.emulator.store.group_order import Flight, Group, GroupOrder
from loader.emulator.store.lake import Change, Target
from loader.emulator.store.ledger import LedgerCounts, LedgerRow
from loader.emulator.store.store import Store

# Refusals with their own verdict.
_VERDICTS = {"ThrottlingException": ledger.THROTTLED, "ConflictException": ledger.TOKEN_CONFLICT}


@dataclass(slots=True)
class Attempt:
    """One Send call during its processing.

    Attributes:
        row: Its row in the ledger.
        members: Its input, unchecked.
        entry: The state of its client token; None without a token.
        flight: Its time between arrival and answer; None if it was refused unread.
        change: Its records for the lake.
    """

    row: LedgerRow
    members: Mapping[str, Any] = field(repr=False)
    entry: TokenEntry | None = None
    flight: Flight | None = None
    change: Change | None = None


class SendHandler:
    """Processes Send calls, and keeps the state between them.

    Args:
        settings: Quota, life of tokens, known instances, strictness.
        gate: The first checks of every call.
        clock: The emulator's clock.
        store: The store for rows and records.
        catalog: The datasets whose schema is known.

    Attributes:
        tally: The counts of the ledger.
        order: The order inside groups.
        quota: The quota of calls.
    """

    def __init__(
        self, settings: EmulatorSettings, gate: Gate, clock: EmulatorClock, store: Store, catalog: Catalog
    ) -> None:
        self.tally = LedgerCounts()
        self.order = GroupOrder()
        self.quota = Quota(settings.quota, clock.now())
        self._settings = settings
        self._gate = gate
        self._clock = clock
        self._store = store
        self._tokens = ClientTokens(settings.token_life_seconds)
        self._targets = Targets(settings.custom_keys, catalog)
        self._loads = LoadOutcomes(settings)
        self._max_data_bytes = max_value("DataIntegrationEventData")

    def remember(self, row: LedgerRow) -> None:
        """Restore the state from a row that an earlier emulator wrote to the same ledger."""
        self.tally.count(row)
        if row.overlapped:
            self.order.overlaps[_group(row)] += 1
        if row.verdict != ledger.ACCEPTED:
            return
        self.order.accept(_group(row), row.seq)
        if row.client_token and row.event_id is not None:
            entry = TokenEntry(row.seq, 1, _identity(row), row.event_id)
            self._tokens.accept(row.instance_id, row.client_token, entry, row.at)

    def datasets_changed(self) -> None:
        """Read the datasets again, because one may have been created or deleted."""
        self._targets.forget()

    def take(self, request: WireRequest, call: OperationCall) -> Answer:
        """Process a Send call: decide, write the row, answer."""
        attempt = self._new_attempt(call)
        fault: FaultRule | None = None
        answer: Answer | None = None
        try:
            self._gate.authenticate(request)
            self._read(attempt, request, call)
            tries = attempt.entry.attempts if attempt.entry else 0
            fault = self._gate.decide_fault(SEND, tries, attempt.row.event_group)
            if fault is not None and fault.comes_before_acceptance:
                attempt.row.verdict = f"fault:{fault.name}"
            else:
                self._accept_or_replay(attempt, call.operation)
                answer = success({"eventId": attempt.row.event_id})
        except Refusal as refusal:
            attempt.row.verdict = _VERDICTS.get(refusal.code, f"rejected:{refusal.code}")
            answer = refused(refusal)
        if fault is not None:
            attempt.row.fault = attempt.row.fault or fault.name
            answer = spoiled(answer, fault)
            if fault.fault in (FaultKind.LOAD_FAILED, FaultKind.FORGOTTEN):
                attempt.row.fault = fault.name
                attempt.change = None
        self._write_down(attempt)
        assert answer is not None  # only a fault leaves the answer unset, and it then sets it
        if attempt.flight is not None:
            answer.sent = attempt.flight.end
        return answer

    def refuse_unread(self, call: OperationCall, refusal: Refusal) -> Answer:
        """Answer a Send call whose body was not read to its end."""
        attempt = self._new_attempt(call)
        attempt.row.verdict = f"rejected:{refusal.code}"
        self._write_down(attempt)
        return refused(refusal)

    def _new_attempt(self, call: OperationCall) -> Attempt:
        row = LedgerRow(self.tally.attempts + 1, self._clock.now(), call.path_members["instanceId"])
        return Attempt(row, call.path_members)

    def _read(self, attempt: Attempt, request: WireRequest, call: OperationCall) -> None:
        content_type = request.headers.get("Content-Type", "")
        attempt.members = read_input(call, "", request.body, content_type)
        row = attempt.row
        _fill_in(row, attempt.members)
        if row.client_token:
            attempt.entry = self._tokens.attempt(row.instance_id, row.client_token, row.seq, row.at)
        # Without a token, a retry cannot be distinguished from another event.
        attempt.flight = self.order.arrive(_group(row), row.client_token or f"attempt {row.seq}")
        row.overlapped = int(attempt.flight.overlapped)

    def _accept_or_replay(self, attempt: Attempt, operation: ServiceOperation) -> None:
        """Set the attempt's verdict, ``accepted`` or ``replayed``, and its event id.

        Raises:
            Refusal: The event is not accepted.
        """
        self._admit()
        check_input(operation, attempt.members)
        row = attempt.row
        if self._settings.instance_ids and row.instance_id not in self._settings.instance_ids:
            raise Refusal("ResourceNotFoundException", "There is no such instance")
        target = self._check_data(attempt)
        entry = attempt.entry or TokenEntry(row.seq)
        identity = _identity(row)
        if entry.event_id:
            if entry.identity != identity:
                raise Refusal("ConflictException", "The client token was used for another event")
            row.verdict, row.event_id = ledger.REPLAYED, entry.event_id
            return
        row.verdict, row.event_id = ledger.ACCEPTED, new_id()
        entry.identity, entry.event_id = identity, row.event_id
        if attempt.entry is not None:
            self._tokens.accept(row.instance_id, row.client_token, entry, row.at)
        self.order.accept(_group(row), entry.first_seq)
        row.fault = self._loads.failure_of(attempt.members["data"])
        if self._settings.keep_records and not row.fault:
            attempt.change = Change(target, attempt.members["data"])

    def _admit(self) -> None:
        wait_seconds = self.quota.take(self._clock.now())
        if wait_seconds:
            hints: dict[str, dict[str, str]] = {
                "none": {},
                "Retry-After": {"Retry-After": str(ceil(wait_seconds))},
                "x-amz-retry-after": {"x-amz-retry-after": str(ceil(wait_seconds * 1000))},
            }
            raise Refusal("ThrottlingException", "Rate exceeded", hints[self._settings.retry_hint])

    def _check_data(self, attempt: Attempt) -> Target:
        # The model counts characters; counting bytes is the strictest reading (docs/service.md 2.2).
        if attempt.row.data_bytes > self._max_data_bytes:
            refuse_faults([f"Value at '/data' must have at most {self._max_data_bytes} bytes in UTF-8"])
        target, check_records = self._targets.find(attempt.members)
        records = read_records(attempt.members["data"])
        if self._settings.check_records:
            check_records(records)
        check_values(records, self._settings.refused_values)
        return target

    def _write_down(self, attempt: Attempt) -> None:
        self.tally.count(attempt.row)
        self._store.add(attempt.row, attempt.change)


def _fill_in(row: LedgerRow, members: Mapping[str, Any]) -> None:
    """Copy the readable members of an unchecked input to the row."""
    row.event_type = _text(members.get("eventType"))
    row.event_group = _text(members.get("eventGroupId"))
    row.client_token = _text(members.get("clientToken"))
    data = _text(members.get("data")).encode()
    row.data_sha256, row.data_bytes = sha256(data).hexdigest(), len(data)
    timestamp = members.get("eventTimestamp")
    row.event_timestamp = float(timestamp) if isinstance(timestamp, NUMBER) else None
    target = members.get("datasetTarget")
    if isinstance(target, dict):
        row.dataset = _text(target.get("datasetIdentifier"))
        row.operation = _text(target.get("operationType"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _group(row: LedgerRow) -> Group:
    return row.instance_id, row.event_type, row.event_group


def _identity(row: LedgerRow) -> bytes:
    return event_identity(
        (row.event_type, row.event_group, row.event_timestamp, row.dataset, row.operation, row.data_sha256)
    )
