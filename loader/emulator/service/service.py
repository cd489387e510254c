"""The service without a network: it takes received requests and returns answers."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import orjson

from loader.emulator.clock import EmulatorClock
from loader.emulator.faults import FaultKind, FaultPlan, FaultRule
from loader.emulator.model.catalog import Catalog
from loader.emulator.model.operations import (
    GET,
    LIST,
    SEND,
    OperationCall,
    check_input,
    find_call,
    read_input,
)
from loader.emulator.model.refusal import Refusal
from loader.emulator.quota import Quota
from loader.emulator.service.answers import Answer, refused, spoiled, success
from loader.emulator.service.gate import Gate
from loader.emulator.service.read_events import EventReader
from loader.emulator.service.resources import CHANGING, Resources
from loader.emulator.service.send_event import SendHandler
from loader.emulator.service.signatures import WireRequest, signed_region
from loader.emulator.settings import EmulatorSettings, QuotaSettings
from loader.emulator.store.group_order import Group
from loader.emulator.store.store import Store

_OK = 200
_GROUPS_NAMED = 20
_TOO_MANY_REQUESTS = 429


class Service:
    """An emulated AWS Supply Chain.

    Args:
        settings: The settings.
        store: The store.

    Attributes:
        clock: The clock for tokens, events, quotas and signatures.
        store: The store.
    """

    def __init__(self, settings: EmulatorSettings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.clock = EmulatorClock(settings.clock_skew_seconds)
        self._gate = Gate(settings, self.clock)
        self._catalog = Catalog(settings.datasets)
        self._intake = SendHandler(settings, self._gate, self.clock, store, self._catalog)
        self._events = EventReader(settings, store)
        self._resources = Resources(settings, self._catalog, self.clock.now())
        self._calls: Counter[str] = Counter()
        self._latency = random.Random(settings.seed)  # noqa: S311 - repeatable on purpose

    async def restore(self) -> None:
        """Restore the state of an earlier emulator from ledger and lake: tokens, datasets and tags."""
        if document := await self.store.read(self.store.lake.resources):
            self._resources.restore(orjson.loads(document))
        async for row in self.store.restore():
            self._intake.remember(row)

    async def receive(self, request: WireRequest) -> Answer:
        """Return the answer to a request of any operation. A request that is refused gets its refusal."""
        path, _, _ = request.target.partition("?")
        try:
            call = find_call(request.method, path)
        except Refusal as refusal:
            return refused(refusal)
        self._calls[call.operation.name] += 1
        if call.operation.name != SEND:
            return self._delayed(await self._query(request, call))
        if self.store.is_full:
            await self.store.flush()
        answer = self._intake.take(request, call)
        if answer.status == _OK:
            try:
                await self.store.durable()
            except BaseException:
                answer.sent()  # otherwise it would stay in flight forever
                raise
        return self._delayed(answer)

    def refuse_unread(self, method: str, target: str, refusal: Refusal) -> Answer:
        """Answer a request whose body was not read to its end."""
        path, _, _ = target.partition("?")
        try:
            call = find_call(method, path)
        except Refusal as unknown:
            return refused(unknown)
        return self._intake.refuse_unread(call, refusal) if call.operation.name == SEND else refused(refusal)

    def set_quota(self, settings: QuotaSettings) -> None:
        """Replace the quota; the new bucket is full."""
        self._intake.quota = Quota(settings, self.clock.now())

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the fault plan; calls are counted from 1 again."""
        self._gate.set_faults(plan)

    def summary(self) -> dict[str, Any]:
        """Return the counts of the ledger and of the order inside groups, as JSON values."""
        order = self._intake.order
        return asdict(self._intake.tally.summary()) | {
            "groups": order.groups,
            "overlaps": order.overlaps.total(),
            "overlapping_groups": _names(order.overlaps),
            "overtaken": order.overtaken.total(),
            "overtaken_groups": _names(order.overtaken),
        }

    def calls(self) -> dict[str, int]:
        """Return the number of calls of each operation that this process answered."""
        return dict(self._calls)

    async def _query(self, request: WireRequest, call: OperationCall) -> Answer:
        fault: FaultRule | None = None
        _, _, query = request.target.partition("?")
        try:
            self._gate.authenticate(request)
            fault = self._gate.decide_fault(call.operation.name)
            if fault is not None and fault.comes_before_acceptance:
                return spoiled(None, fault)
            members = read_input(call, query, request.body, request.headers.get("Content-Type", ""))
            check_input(call.operation, members)
            answer = success(await self._answer_about_events(call.operation.name, members, request, fault))
        except Refusal as refusal:
            answer = refused(refusal)
        return answer if fault is None else spoiled(answer, fault)

    async def _answer_about_events(
        self, operation: str, members: Mapping[str, Any], request: WireRequest, fault: FaultRule | None
    ) -> dict[str, Any]:
        now = self.clock.now()
        if operation == GET:
            return await self._events.get(members, now)
        if operation == LIST:
            is_endless = fault is not None and fault.fault is FaultKind.ENDLESS_LIST
            return await self._events.list(members, now, is_endless=is_endless)
        region = signed_region(request) or self.settings.region or "us-east-1"
        answer = self._resources.answer(operation, members, region, now)
        self._intake.datasets_changed()
        if operation in CHANGING:
            document = orjson.dumps(self._resources.stored()).decode()
            await self.store.read(partial(self.store.lake.save_resources, document))
        return answer

    def _delayed(self, answer: Answer) -> Answer:
        mean, jitter = self.settings.latency_seconds, self.settings.latency_jitter_seconds
        if not mean and not jitter:
            return answer
        seconds = self._latency.uniform(mean - jitter, mean + jitter)
        # A front end refuses before any work is done, so throttled answers are sent at once.
        if answer.status != _TOO_MANY_REQUESTS:
            answer.delay_seconds = max(0.0, seconds)
        return answer


def _names(groups: Counter[Group]) -> list[dict[str, Any]]:
    return [
        {"instance_id": group[0], "event_type": group[1], "event_group": group[2], "times": times}
        for group, times in groups.most_common(_GROUPS_NAMED)
    ]
