"""The workers: tasks that make attempts one after another.

Rules kept here:

1. A new worker starts only if no worker is idle.
2. After an answer a worker starts the next attempt itself, by the same check as the pump. It wakes the pump
   only if further attempts may start.
"""

import asyncio

from loader.delivery.attempts import Attempts
from loader.delivery.entry import Entry
from loader.delivery.inbox import Inbox
from loader.delivery.interfaces import contained_work
from loader.delivery.lanes import Lanes
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.starting import AttemptStarter


class Workers:
    """The workers of one delivery.

    Args:
        starter: Starts attempts.
        attempts: Makes started attempts.
        inbox: Has more room after an event was settled.
        lanes: The lanes with the events.
        cap: Maximum number of attempts in flight.
        wake: Wakes the pump.
    """

    def __init__(
        self,
        *,
        starter: AttemptStarter,
        attempts: Attempts,
        inbox: Inbox,
        lanes: Lanes,
        cap: InFlightCap,
        wake: asyncio.Event,
    ) -> None:
        self._starter = starter
        self._attempts = attempts
        self._inbox = inbox
        self._lanes = lanes
        self._cap = cap
        self._wake = wake
        self._tasks: list[asyncio.Task[None]] = []
        self._idle: list[asyncio.Future[Entry]] = []

    async def start_attempts(self, group: asyncio.TaskGroup) -> None:
        """Start every attempt that may start now. New workers run in ``group``."""
        while (entry := await self._starter.try_start()) is not None:
            if self._idle:
                self._idle.pop().set_result(entry)
            else:
                self._tasks.append(group.create_task(self._work(entry)))

    def cancel(self) -> None:
        """End every worker. Attempts in flight are cancelled."""
        for task in self._tasks:
            task.cancel()

    async def _work(self, entry: Entry | None) -> None:
        with contained_work():
            while True:
                if entry is None:  # this also drops the reference to the settled event
                    place: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
                    self._idle.append(place)
                    entry = await place
                await self._attempts.make(entry)
                self._inbox.make_room()
                entry = await self._starter.try_start()
                # If the in-flight cap is reached again, the pump cannot start an attempt.
                if entry is None or self._lanes.in_flight < self._cap.limit:
                    self._wake.set()
