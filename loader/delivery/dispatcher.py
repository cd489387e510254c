"""The dispatcher: it starts attempts as lanes and limits allow, and settles each event exactly once.

Rules kept here:

1. One coroutine, the pump, waits for limits. Workers only make attempts. Every change that may allow an
   attempt (an offer, an answer, a stop) wakes the pump. The pump then checks all conditions, so no wake-up is
   lost.
2. An outcome is a value. An exception from the client or from ``on_result`` stops the load: a LoaderError
   after the attempts in flight are answered, any other BaseException immediately.
3. After a stop no event is sent, and every event that may have been accepted is in doubt.
"""

import asyncio
import math
from collections.abc import Coroutine, Sequence

from loader.delivery.assembly import Pump, assemble, workers_of
from loader.delivery.entry import Entry, EventDoubt
from loader.delivery.interfaces import AttemptClient, Bookkeeping, Surroundings
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.limits.user_ceiling import Ceiling
from loader.delivery.settings import DeliverySettings
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError, contained
from loader.model import Event, PartResult

_TICK_SECONDS = 0.001
"""Resolution of event loop timers. A shorter wait would busy-wait."""


class Dispatcher:
    """Delivers the events of one load. It is bound to one event loop and its thread, and is used once.

    Args:
        client: Makes attempts.
        learned: The limits of rate and concurrency that follow the answers.
        books: The receivers of marks and results.
        settings: The settings of the delivery.
        surroundings: Clocks and random numbers.
    """

    def __init__(
        self,
        client: AttemptClient,
        learned: LearnedLimits,
        books: Bookkeeping,
        *,
        settings: DeliverySettings | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        settings = settings or DeliverySettings()
        self._surroundings = surroundings or Surroundings()
        self._drain_seconds = settings.drain_seconds
        self._doubt_of_earlier_runs = EventDoubt.HARMLESS if settings.may_repeat else EventDoubt.WHOLE
        self._wake = asyncio.Event()
        pump = Pump(self._stop_with, self._wake)
        self._parts = parts = assemble(
            learned, books, pump, settings=settings, surroundings=self._surroundings
        )
        self._workers = workers_of(parts, client, pump, self._surroundings)
        self._lanes, self._inbox = parts.lanes, parts.inbox
        self._stop_reason: str | None = None
        self._error: LoaderError | None = None
        self.has_concluded = False

    @property
    def ceiling(self) -> Ceiling | None:
        """The rate that the user allows, or None."""
        return self._parts.admission.ceiling

    @property
    def stats(self) -> DeliveryStats:
        """Live numbers."""
        return self._parts.stats

    def offer(
        self,
        event: Event,
        *,
        first_attempt_at: float | None = None,
        may_have_been_accepted: bool = False,
        known_parts: Sequence[PartResult] = (),
    ) -> Coroutine[None, None, bool]:
        """Take an event for delivery as soon as the byte budget has room.

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
            doubt=self._doubt_of_earlier_runs if may_have_been_accepted else EventDoubt.NONE,
            handed_over_at=self._surroundings.monotonic(),
            known_parts=known_parts,
        )
        return self._inbox.offer(entry)

    def close_intake(self) -> None:
        """Declare that no more events will be offered."""
        self._inbox.close()

    def stop(self, reason: str) -> None:
        """Stop gracefully: start no attempt, and wait for the answers to the attempts in flight.

        Args:
            reason: The reason, for the results of events in doubt.
        """
        if self._stop_reason is None:
            self._stop_reason = reason
        self._parts.admission.stop()
        self._inbox.refuse()
        self._wake.set()

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
                    await self._parts.marker.stop()
                self._workers.cancel()
        except ExceptionGroup as bugs:
            raise bugs.exceptions[0] from None
        finally:
            self.stop("the delivery has ended")
        self._parts.settlement.conclude(self._stop_reason or "")
        self.has_concluded = True
        if self._error is not None:
            raise self._error

    async def _pump(self, tasks: asyncio.TaskGroup) -> None:
        parts = self._parts
        while self._stop_reason is None and not (self._inbox.is_closed and not self._lanes):
            parts.marker.renew()
            await self._workers.start_attempts(tasks)
            parts.path_watch.look()
            look = min(parts.marker.renewal_seconds, parts.stats.troubles.next_look_seconds())
            await self._sleep(min(parts.admission.wait_seconds, look))

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
        while self._lanes.in_flight and (left := deadline - clock()) > 0:
            await self._sleep(left)
