"""The dispatcher: it starts attempts as lanes and limits allow, and settles each event exactly once.

Rules kept here:

1. One coroutine, the pump, waits for limits. Workers only make attempts. Every change that may allow an
   attempt (an offer, an answer, a stop) wakes the pump. The pump then checks all conditions, so no wake-up is
   lost.
2. A worker takes the next event itself after an answer, through the same admission check as the pump. It
   wakes the pump only if further attempts may start.
3. An outcome is a value. An exception from the client or from ``on_result`` stops the load: a LoaderError
   after the attempts in flight are answered, any other BaseException immediately.
4. After a stop no event is sent, and every event that may have been accepted is in doubt.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Sequence

from loader.delivery.entry import Entry
from loader.delivery.inbox import Inbox
from loader.delivery.interfaces import AttemptClient, Surroundings, contained_work
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.circuit_breaker import QuotaBreaker
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import Stalls
from loader.delivery.limits.user_ceiling import Ceiling
from loader.delivery.limits.way_breaker import WayBreaker
from loader.delivery.marking import Marker, WriteAhead
from loader.delivery.outcomes.bisection import PartLog
from loader.delivery.outcomes.outcome_handling import OutcomeHandler
from loader.delivery.outcomes.retry import Remedy, out_of_patience
from loader.delivery.rate.controller import RateController
from loader.delivery.settings import DeliverySettings
from loader.delivery.stats import DeliveryStats
from loader.delivery.troubles import Troubles
from loader.errors import LoaderError, contained
from loader.job import OnFailure
from loader.model import Event, EventResult, PartResult

_TICK_SECONDS = 0.001
"""Resolution of event loop timers. A shorter wait would busy-wait."""


class Dispatcher:
    """Delivers the events of one load. It is bound to one event loop and its thread, and is used once.

    Args:
        client: Makes attempts.
        governor: The rate that the service allows.
        in_flight_cap: Maximum number of attempts in flight.
        on_result: Called on the loop's thread, exactly once for each settled event. A LoaderError from it
            stops the load.
        settings: The settings of the delivery.
        surroundings: Clocks and random numbers.
        held_groups: Groups that an earlier run of this load put on hold (``on_failure`` hold).
        part_log: Durable log of the parts of divided events. Without it no event is divided.
        write_ahead: Writes the marks that must be durable before an event is sent, or None.
    """

    def __init__(
        self,
        client: AttemptClient,
        governor: RateController,
        in_flight_cap: InFlightCap,
        on_result: Callable[[EventResult], None],
        *,
        settings: DeliverySettings | None = None,
        surroundings: Surroundings | None = None,
        held_groups: Iterable[str] = (),
        part_log: PartLog | None = None,
        write_ahead: WriteAhead | None = None,
    ) -> None:
        settings = settings or DeliverySettings()
        self._surroundings = surroundings or Surroundings()
        self._client = client
        self._drain_seconds = settings.drain_seconds
        self._may_repeat = settings.may_repeat
        self._lanes = Lanes(held_groups, marks=write_ahead is not None)
        self._cap = in_flight_cap
        budget = ByteBudget(settings.max_held_bytes)
        self.ceiling = None if settings.rate is None else Ceiling(settings.rate, settings.burst_events)
        stalls = Stalls()
        self._admission = Admission(
            lanes=self._lanes,
            budget=budget,
            breaker=QuotaBreaker(settings.breaker),
            way=WayBreaker(),
            cap=in_flight_cap,
            governor=governor,
            ceiling=self.ceiling,
            stalls=stalls,
        )
        self._troubles = Troubles(settings.give_up_seconds)
        self._stats = DeliveryStats(
            lanes=self._lanes,
            budget=budget,
            governor=governor,
            cap=in_flight_cap,
            stalls=stalls,
            troubles=self._troubles,
        )
        self._wake = asyncio.Event()
        self._marker = Marker(
            lanes=self._lanes,
            write_ahead=write_ahead,
            surroundings=self._surroundings,
            wake=self._wake,
            stop_with=self._stop_with,
        )
        self._settlement = OutcomeHandler(
            admission=self._admission,
            stats=self._stats,
            client=client,
            surroundings=self._surroundings,
            holds_groups=settings.on_failure is OnFailure.HOLD,
            on_result=on_result,
            part_log=part_log,
            stop_with=self._stop_with,
            clock_was_set=self._marker.clock_was_set,
        )
        self._intake = Inbox(lanes=self._lanes, budget=budget, settlement=self._settlement, wake=self._wake)
        self._workers: list[asyncio.Task[None]] = []
        self._parked: list[asyncio.Future[Entry]] = []
        self._credentials = 0
        self._stop_reason: str | None = None
        self._error: LoaderError | None = None
        self._aborted = False
        self.has_concluded = False

    @property
    def stats(self) -> DeliveryStats:
        """Live numbers."""
        return self._stats

    def offer(
        self,
        event: Event,
        *,
        first_attempt_at: float | None = None,
        may_have_been_accepted: bool = False,
        known_parts: Sequence[PartResult] = (),
    ) -> Coroutine[None, None, bool]:
        """Take an event for delivery, waiting until the byte budget has room.

        Args:
            event: The event. The caller must offer the events of a group in order.
            first_attempt_at: Epoch seconds of the first attempt in an earlier run that may have been
                accepted. Without it the event is sent regardless of the age of its token.
            may_have_been_accepted: Whether there was such an attempt.
            known_parts: Results of its parts in earlier runs, excluding parts to resend.

        Returns:
            False if the load stops and the event was not taken. The caller must not offer more events.
        """
        entry = Entry(
            event,
            first_attempt_at,
            may_have_been_accepted=may_have_been_accepted,
            is_divisible=self._may_repeat or not may_have_been_accepted,
            known_parts=known_parts,
        )
        entry.handed_over_at = self._surroundings.monotonic()
        return self._intake.offer(entry)

    def close_intake(self) -> None:
        """Declare that no more events will be offered."""
        self._intake.close()

    def stop(self, reason: str) -> None:
        """Stop gracefully: start no attempt, and wait for the answers to the attempts in flight.

        Args:
            reason: The reason, for the results of events in doubt.
        """
        if self._stop_reason is None:
            self._stop_reason = reason
        self._admission.is_shut = True
        self._intake.refuse()
        self._wake.set()

    def abort(self) -> None:
        """Stop immediately: the attempts in flight are cancelled and their events are in doubt."""
        self._aborted = True
        self.stop("aborted")

    async def run(self) -> None:
        """Deliver until every event offered before ``close_intake`` has its result, or until a stop.

        Raises:
            ServiceStopped: The service refuses the whole load.
            LoaderError: The error with which the client or ``on_result`` stopped the load.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                with contained():
                    await self._pump(tasks)
                    await self._drain()
                    await self._marker.stop()
                for worker in self._workers:
                    worker.cancel()
        except ExceptionGroup as bugs:
            raise bugs.exceptions[0] from None
        finally:
            self.stop("the delivery has ended")
        self._settlement.conclude(self._stop_reason or "")
        self.has_concluded = True
        if self._error is not None:
            raise self._error

    async def _pump(self, tasks: asyncio.TaskGroup) -> None:
        while self._stop_reason is None and not (self._intake.is_closed and not self._lanes):
            self._marker.renew()
            await self._start_attempts(tasks)
            self._settlement.look_at_troubles()
            look = min(self._marker.renewal_seconds, self._troubles.next_look_seconds())
            await self._sleep(min(self._admission.wait_seconds, look))

    async def _start_attempts(self, tasks: asyncio.TaskGroup) -> None:
        while (entry := self._next_entry()) is not None:
            if self.ceiling is not None:
                await self.ceiling.pay(entry.started_at)
            if self._parked:
                self._parked.pop().set_result(entry)
            else:
                self._workers.append(tasks.create_task(self._work(entry)))

    def _next_entry(self) -> Entry | None:
        """Return the next event that may start now. The caller must pay its ceiling token immediately."""
        now = self._surroundings.monotonic()
        self._marker.look(now)
        while self._admission.allows(now) and (entry := self._lanes.take(now)) is not None:
            if entry.known_parts:
                self._settlement.go_on(entry)
            elif entry.first_attempt_at is not None and out_of_patience(entry, self._surroundings.wall()):
                self._settlement.give_up(entry)
            else:
                self._admission.begin(entry, now)
                return entry
            self._wake.set()
            self._intake.make_room()
        return None

    async def _work(self, entry: Entry | None) -> None:
        with contained_work():
            while True:
                if entry is None:  # a parked worker must keep no settled event in memory
                    place: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
                    self._parked.append(place)
                    entry = await place
                await self._attempt(entry)
                self._intake.make_room()
                entry = self._next_entry()
                if entry is not None and self.ceiling is not None:
                    await self.ceiling.pay(entry.started_at)
                # If the in-flight cap is reached again, nothing has changed for the pump.
                if entry is None or self._lanes.in_flight < self._cap.limit:
                    self._wake.set()

    async def _attempt(self, entry: Entry) -> None:
        credentials, stats = self._credentials, self._stats
        stats.attempts += 1
        if entry.attempts:
            stats.retried += 1
        entry.begin(self._surroundings.wall())
        try:
            outcome = await self._client.attempt(entry.event)
        except LoaderError as error:
            self._withdraw(entry, error)
            return
        remedy = self._settlement.settle(entry, outcome)
        if remedy is Remedy.REFRESH and credentials == self._credentials:
            await self._refresh_credentials()
        elif remedy is Remedy.DIVIDE:
            await self._settlement.divide(entry)

    async def _refresh_credentials(self) -> None:
        # Admission is shut during the refresh, because attempts with old credentials only cost rate tokens.
        self._credentials += 1
        self._admission.is_shut = True
        try:
            await self._client.refresh_credentials()
        except LoaderError as error:
            self._stop_with(error)
        finally:
            self._admission.is_shut = self._stop_reason is not None

    def _withdraw(self, entry: Entry, error: LoaderError) -> None:
        entry.withdraw()
        self._admission.withdraw(entry)
        self._stats.attempts -= 1
        self._stats.retried -= entry.attempts > 0
        self._lanes.retry(entry, self._surroundings.monotonic())
        self._stop_with(error)

    def _stop_with(self, error: LoaderError) -> None:
        self._error = self._error or error
        self.stop(error.what)

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(seconds, _TICK_SECONDS), self._wake.set) if seconds < math.inf else None
        await self._wake.wait()
        self._wake.clear()
        if timer is not None:
            timer.cancel()

    async def _drain(self) -> None:
        clock = self._surroundings.monotonic
        deadline = clock() + self._drain_seconds
        while self._lanes.in_flight and not self._aborted and (left := deadline - clock()) > 0:
            await self._sleep(left)
