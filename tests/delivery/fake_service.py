"""A service in memory with a fault plan, and a delivery that talks to it on virtual time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping, PartLog, Surroundings, WriteAhead
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.settings import DeliverySettings
from loader.errors import LoaderError
from loader.json_quoting import quote
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind
from tests.delivery.virtual_time import now

WALL_OFFSET = 1_700_000_000.0
"""What the wall clock reads when virtual time is 0."""


class OpenGovernor(Governor):
    """A governor that never holds anything back: for tests of everything else."""

    def wait_seconds(self, now: float) -> float:
        return 0.0

    def start(self, now: float) -> int:
        return 0

    def accepted(self, now: float, epoch: int) -> None:
        pass

    def throttled(self, now: float, epoch: int, retry_after_seconds: float | None = None) -> None:
        pass

    def answered(self, now: float, epoch: int) -> None:
        pass


class FixedCap(InFlightCap):
    """A cap that stays at its maximum."""

    def succeeded(self, now: float, latency_seconds: float, rate: float) -> None:
        pass

    def troubled(self, now: float, started_at: float) -> None:
        pass


def event(index: int, group: str = "g", *, data: bytes = b"{}") -> Event:
    return Event(0, index, 0, (index,), group, f"{index:064}", None, quote(data))


def accepted() -> Outcome:
    return Outcome(OutcomeKind.ACCEPTED, status=200, event_id="receipt")


def throttled(retry_after_seconds: float | None = None) -> Outcome:
    return Outcome(
        OutcomeKind.THROTTLED, "ThrottlingException", status=429, retry_after_seconds=retry_after_seconds
    )


def unavailable() -> Outcome:
    return Outcome(OutcomeKind.TRANSIENT, "ServiceUnavailable", status=503)


def lost() -> Outcome:
    """The service took the event, and its answer never came."""
    return Outcome(OutcomeKind.TRANSIENT, "Timeout", may_have_been_accepted=True)


def unknown() -> Outcome:
    return Outcome(OutcomeKind.UNKNOWN, "Teapot", status=418)


def blocked(code: str = "HTTP302") -> Outcome:
    """Something on the way answered in place of the service."""
    status = int(code.removeprefix("HTTP")) if code.startswith("HTTP") else 200
    return Outcome(
        OutcomeKind.BLOCKED, code, status=status, may_have_been_accepted=status == 200, of_service=False
    )


def rejected() -> Outcome:
    return Outcome(OutcomeKind.REJECTED, "ValidationException", "bad record", status=400)


def expired() -> Outcome:
    return Outcome(OutcomeKind.REFRESH, "ExpiredTokenException", status=403)


def skewed(server_time: float | None = WALL_OFFSET) -> Outcome:
    return Outcome(OutcomeKind.SKEWED, "RequestExpired", status=400, server_time=server_time)


def quota() -> Outcome:
    return Outcome(OutcomeKind.QUOTA, "ServiceQuotaExceededException", status=402)


def denied() -> Outcome:
    return Outcome(OutcomeKind.STOP, "AccessDeniedException", "not authorized", status=403, request_id="r-1")


@dataclass(slots=True)
class Call:
    """One attempt as the service sees it: the how-manieth of all and of its event, when and by whom."""

    number: int
    try_number: int
    at: float
    event: Event
    credentials: int


Plan = Callable[[Call], Outcome | Exception]


def always(outcome: Outcome) -> Plan:
    return lambda _call: outcome


def script(faults: dict[int, Sequence[Outcome]]) -> Plan:
    """For event ``index`` these answers, one per try; then, and for all others, acceptance."""

    def plan(call: Call) -> Outcome:
        answers = faults.get(call.event.index, ())
        return answers[call.try_number - 1] if call.try_number <= len(answers) else accepted()

    return plan


@dataclass(slots=True)
class MarkDiary:
    """Keeps marks after a while, and complains about an attempt that no mark names (``WriteAhead``)."""

    latency_seconds: float = 0.0
    marked_at: dict[tuple[int, int], float] = field(default_factory=dict)
    sent: set[tuple[int, int]] = field(default_factory=set)
    marks: int = 0
    most_unsent: int = 0
    error: LoaderError | None = None

    async def mark_sendable(self, places: Sequence[tuple[int, int]]) -> None:
        at = now()
        self.marks += 1
        await asyncio.sleep(self.latency_seconds)
        if self.error is not None:
            raise self.error
        self.marked_at |= dict.fromkeys(places, at)
        self.most_unsent = max(self.most_unsent, len(self.marked_at.keys() - self.sent))


@dataclass(slots=True)
class FakeService:
    """Answers by plan, remembers every token it took, and complains about what must never happen."""

    plan: Plan = field(default_factory=lambda: always(accepted()))
    latency_seconds: float = 0.01
    refresh: Callable[[], LoaderError | None] = lambda: None
    calls: list[Call] = field(default_factory=list)
    taken: dict[str, Event] = field(default_factory=dict)
    credentials: int = 0
    diary: MarkDiary | None = None
    clock_readings: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    most_in_flight: int = 0
    _busy: set[str] = field(default_factory=set)
    _tries: Counter[str] = field(default_factory=Counter)
    _newest: dict[str, int] = field(default_factory=dict)

    async def attempt(self, event: Event) -> Outcome:
        self._tries[event.token] += 1
        call = Call(len(self.calls) + 1, self._tries[event.token], now(), event, self.credentials)
        self.calls.append(call)
        if self.diary is not None:
            if (event.window, event.index) not in self.diary.marked_at:
                self.complaints.append(f"event {event.index} was sent without a mark")
            self.diary.sent.add((event.window, event.index))
        if event.group in self._busy:
            self.complaints.append(f"two events of {event.group} at once")
        self._busy.add(event.group)
        self.most_in_flight = max(self.most_in_flight, len(self._busy))
        try:
            outcome = self.plan(call)
            if isinstance(outcome, Exception):
                raise outcome
            self._take(event, outcome)
            await asyncio.sleep(self.latency_seconds)
        finally:
            self._busy.discard(event.group)
        return outcome

    async def refresh_credentials(self) -> None:
        await asyncio.sleep(1.0)
        error = self.refresh()
        if error is not None:
            raise error
        self.credentials += 1

    def adjust_clock(self, server_time: float) -> None:
        self.clock_readings.append(server_time)

    def _take(self, event: Event, outcome: Outcome) -> None:
        if outcome.kind is not OutcomeKind.ACCEPTED and not outcome.may_have_been_accepted:
            return
        if event.token not in self.taken and self._newest.get(event.group, -1) > event.index:
            self.complaints.append(f"event {event.index} was overtaken")
        self.taken[event.token] = event
        self._newest[event.group] = max(event.index, self._newest.get(event.group, -1))


@dataclass(slots=True)
class Delivery:
    """A dispatcher before a fake service, and what came out of it."""

    service: FakeService
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    max_in_flight: int = 64
    learned_rate: float | None = None
    held_groups: Iterable[str] = ()
    part_log: PartLog | None = None
    write_ahead: WriteAhead | None = None
    jitter: float = 0.5
    governor_type: type[Governor] = OpenGovernor
    cap_type: type[InFlightCap] = FixedCap
    results: list[EventResult] = field(default_factory=list)
    complain: Callable[[EventResult], Exception | None] = lambda _result: None
    most_held_bytes: int = 0
    refused: int = 0
    dispatcher: Dispatcher = field(init=False)
    governor: Governor = field(init=False)
    cap: InFlightCap = field(init=False)

    def open(self) -> Dispatcher:
        """Build the dispatcher; call it on the loop."""
        clock = asyncio.get_running_loop().time
        self.governor = self.governor_type(now=clock(), learned_rate=self.learned_rate)
        self.cap = self.cap_type(maximum=self.max_in_flight)
        self.dispatcher = Dispatcher(
            self.service,
            LearnedLimits(self.governor, self.cap),
            Bookkeeping(self._on_result, self.write_ahead, self.part_log, self.held_groups),
            settings=self.settings,
            surroundings=Surroundings(
                monotonic=clock, wall=lambda: WALL_OFFSET + clock(), jitter=lambda: self.jitter
            ),
        )
        return self.dispatcher

    async def feed(self, events: Iterable[Event]) -> None:
        """Offer all events, then close the intake; events not taken are counted."""
        for each in events:
            self.refused += not await self.dispatcher.offer(each)
            self.most_held_bytes = max(self.most_held_bytes, self.dispatcher.stats.held_bytes)
        self.dispatcher.close_intake()

    async def deliver(self, events: Iterable[Event]) -> None:
        """Offer all events and deliver them."""
        self.open()
        feeding = asyncio.ensure_future(self.feed(events))
        try:
            await self.dispatcher.run()
        finally:
            await feeding

    def states(self) -> dict[int, EventState]:
        """Return the state of each event, by index; fail if an event has two results."""
        assert len({result.event.index for result in self.results}) == len(self.results)
        return {result.event.index: result.state for result in self.results}

    def _on_result(self, result: EventResult) -> None:
        self.results.append(result)
        error = self.complain(result)
        if error is not None:
            raise error
