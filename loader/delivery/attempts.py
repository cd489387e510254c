"""One attempt: the request, its outcome and the remedy that the outcome requires.

Rule kept here: an exception of the client means that nothing was sent. The attempt is then withdrawn from
every counter, and the load stops.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loader.delivery.entry import Entry
from loader.delivery.interfaces import AttemptClient, Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.outcomes.handler import OutcomeHandler
from loader.delivery.outcomes.retry import Remedy
from loader.delivery.stats import DeliveryStats
from loader.errors import LoaderError


@dataclass(slots=True)
class Attempts:
    """Makes attempts that have been started.

    Attributes:
        client: Sends the requests.
        lanes: The lanes with the events.
        admission: Admission control.
        handler: Decides what happens after each outcome.
        stats: The counters.
        surroundings: Clocks.
        stop_with: Called with the error that stops the load.
    """

    client: AttemptClient
    lanes: Lanes
    admission: Admission
    handler: OutcomeHandler
    stats: DeliveryStats
    surroundings: Surroundings
    stop_with: Callable[[LoaderError], None]
    _credentials: int = 0

    async def make(self, entry: Entry) -> None:
        """Send an event once and apply the outcome."""
        credentials, stats = self._credentials, self.stats
        stats.attempts += 1
        if entry.attempts:
            stats.retried += 1
        entry.begin(self.surroundings.wall())
        try:
            outcome = await self.client.attempt(entry.event)
        except LoaderError as error:
            self._withdraw(entry, error)
            return
        remedy = self.handler.handle(entry, outcome)
        if remedy is Remedy.REFRESH and credentials == self._credentials:
            await self._refresh_credentials()
        elif remedy is Remedy.DIVIDE:
            await self.handler.settlement.divide(entry)

    async def _refresh_credentials(self) -> None:
        # No attempt starts during the refresh, because attempts with old credentials only cost rate tokens.
        self._credentials += 1
        self.admission.pause()
        try:
            await self.client.refresh_credentials()
        except LoaderError as error:
            self.stop_with(error)
        finally:
            self.admission.resume()

    def _withdraw(self, entry: Entry, error: LoaderError) -> None:
        entry.withdraw()
        self.admission.withdraw(entry)
        self.stats.attempts -= 1
        self.stats.retried -= entry.attempts > 0
        self.lanes.retry(entry, self.surroundings.monotonic())
        self.stop_with(error)
