"""The start of an attempt: every condition is checked and every token is taken in one step.

Rules kept here:

1. The order is fixed: conditions, event, governor's token, user's token. No other module starts attempts.
2. An event that needs no attempt takes no token. It is settled, and the next event is examined.
"""

import asyncio
from dataclasses import dataclass

from loader.delivery.entry import Entry
from loader.delivery.inbox import Inbox
from loader.delivery.interfaces import Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.marking import Marker
from loader.delivery.outcomes.retry import out_of_patience
from loader.delivery.outcomes.settlement import Settlement


@dataclass(frozen=True, slots=True)
class AttemptStarter:
    """Starts attempts for the pump and the workers.

    Attributes:
        lanes: The lanes with the events.
        admission: Admission control.
        marker: Writes marks ahead of the attempts.
        settlement: Settles events that need no attempt.
        inbox: Has more room after an event was settled.
        surroundings: Clocks.
        wake: Set after an event was divided or settled without an attempt.
    """

    lanes: Lanes
    admission: Admission
    marker: Marker
    settlement: Settlement
    inbox: Inbox
    surroundings: Surroundings
    wake: asyncio.Event

    async def try_start(self) -> Entry | None:
        """Start an attempt, if one may start now. This method never suspends.

        Returns:
            The entry that the caller must send, or None. After None, ``admission.wait_seconds`` is the time
            until the next attempt may start without an external event.
        """
        now = self.surroundings.monotonic()
        self.marker.look(now)
        while self.admission.allows(now) and (entry := self.lanes.take(now)) is not None:
            if entry.known_parts:
                self.settlement.go_on(entry)
            elif entry.first_attempt_at is not None and out_of_patience(entry, self.surroundings.wall()):
                self.settlement.give_up(entry)
            else:
                self.admission.begin(entry, now)
                if self.admission.ceiling is not None:
                    await self.admission.ceiling.pay(now)
                return entry
            self.wake.set()
            self.inbox.make_room()
        return None
