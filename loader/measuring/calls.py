"""The calls of a measurement, counted one by one and limited to the announced number."""

import time
from collections.abc import Awaitable, Callable

from loader.errors import DeliveryStopped
from loader.http.transport import Response
from loader.model import Event, Outcome, OutcomeKind
from loader.service.client import SupplyChainClient


class CallsUsedUp(DeliveryStopped):
    """The announced number of calls is used up."""


class Calls:
    """Counts calls against the announced number.

    Args:
        most: Maximum number of calls.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.made = 0

    @property
    def left(self) -> int:
        """Calls that are left."""
        return self.most - self.made

    def take(self) -> None:
        """Count a call before it is made.

        Raises:
            CallsUsedUp: No call is left.
        """
        if self.made >= self.most:
            raise CallsUsedUp("The announced number of calls is used up.")
        self.made += 1

    async def counted(self, send: Callable[[], Awaitable[Response]]) -> Response:
        """Count a call and make it.

        Raises:
            CallsUsedUp: No call is left; nothing was sent.
        """
        self.take()
        return await send()


class CountedClient:
    """Sends the events of one cell within its share of the calls.

    Args:
        client: Signs and sends.
        calls: Counts the calls of the whole measurement.
        share: Maximum number of calls of this cell.

    Attributes:
        on_outcome: Called with the outcome of an attempt and its start in monotonic seconds.
    """

    def __init__(self, client: SupplyChainClient, calls: Calls, share: int) -> None:
        self.on_outcome: Callable[[OutcomeKind, float], None] = lambda _kind, _started_at: None
        self._client = client
        self._calls = calls
        self._share = Calls(share)

    @property
    def used_share(self) -> float:
        """The share of the cell's calls that is used, from 0 to 1."""
        return self._share.made / self._share.most

    async def attempt(self, event: Event) -> Outcome:
        """Send an event once.

        Raises:
            CallsUsedUp: The cell has no calls left; nothing was sent.
        """
        self._share.take()
        self._calls.take()
        started_at = time.monotonic()
        outcome = await self._client.attempt(event)
        self.on_outcome(outcome.kind, started_at)
        return outcome

    async def refresh_credentials(self) -> None:
        """Get new credentials for all later attempts."""
        await self._client.refresh_credentials()

    def adjust_clock(self, server_time: float) -> None:
        """Sign all later attempts with the service's time."""
        self._client.adjust_clock(server_time)
