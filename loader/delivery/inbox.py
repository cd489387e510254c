"""The inbox: it takes events for delivery within the byte budget, and applies backpressure beyond it.

Rules kept here:

1. An offer waits for room in the budget, never for an attempt. A stop ends the wait.
2. Offers that do not wait yield to the workers at regular intervals.
"""

import asyncio

from loader.delivery.entry import Entry
from loader.delivery.lanes import Lanes
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.outcomes.settlement import Settlement

_OFFERS_PER_TURN = 128
"""Number of offers after which the offering side yields to the event loop."""


class Inbox:
    """Puts offered events into their lanes.

    Args:
        lanes: The lanes that receive the events.
        budget: The limit of the bytes held.
        settlement: Settles the events of groups on hold.
        wake: Set when a new event is available for delivery.
    """

    def __init__(
        self, *, lanes: Lanes, budget: ByteBudget, settlement: Settlement, wake: asyncio.Event
    ) -> None:
        self._lanes = lanes
        self._budget = budget
        self._settlement = settlement
        self._wake = wake
        self._room = asyncio.Event()
        self._offers = 0
        self._closed = False
        self._refusing = False

    @property
    def is_closed(self) -> bool:
        """Whether no more events will be offered."""
        return self._closed

    async def offer(self, entry: Entry) -> bool:
        """Take an event as soon as the budget has room; return False if the load stops before."""
        if self._closed:
            raise RuntimeError("offer after close_intake")
        while not self._budget.has_room and not self._refusing:
            self._room.clear()
            await self._room.wait()
        if self._refusing:
            return False
        if self._lanes.add(entry):
            self._budget.hold(entry.event)
            self._wake.set()
        else:
            self._settlement.leave_out(entry)
        self._offers += 1
        if self._offers % _OFFERS_PER_TURN == 0:
            await asyncio.sleep(0)
        return True

    def close(self) -> None:
        """Record that no more events will be offered."""
        self._closed = True
        self._wake.set()

    def refuse(self) -> None:
        """Refuse further events and release waiting offers."""
        self._refusing = True
        self._room.set()

    def make_room(self) -> None:
        """Release waiting offers if enough of the budget is free."""
        if self._budget.is_relaxed:
            self._room.set()
