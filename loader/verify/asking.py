"""Ask the service about events through the delivery of a load: rate controller, limits, outcomes and retries.

For the delivery, a question is an event and its answer is an acceptance. "Event not found" is an answer to a
Get too.
"""

import time
from asyncio import Future, get_running_loop
from collections.abc import Callable
from urllib.parse import quote, urlencode

from loader.checkpoint.verdicts import Receipt
from loader.delivery.dispatcher import Dispatcher
from loader.delivery.interfaces import Bookkeeping
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.rate.governor import Governor
from loader.delivery.settings import DeliverySettings
from loader.errors import LoaderError, ServiceStopped
from loader.http.transport import TransportError
from loader.model import Destination, Event, EventResult, EventState, Outcome, OutcomeKind
from loader.service.client import SupplyChainClient, no_answer
from loader.service.protocol import read_response, send_path
from loader.verify.answers import EventAnswer, Page, read_event, read_page

PAGE_EVENTS = 20
"""``DataIntegrationEventMaxResults`` in the service model 2024-01-01."""

LIST_WINDOW = -1
"""The window number of questions that are not about a receipt."""

VERIFY_DRAIN_SECONDS = 5.0
"""How long to wait for pending answers after a stop."""

MAX_HELD_BYTES = 4 * 1_048_576
"""Memory for about 6,000 waiting questions."""

_OK, _NOT_FOUND = 200, "ResourceNotFoundException"

OnAnswer = Callable[[Receipt, EventAnswer | None], None]
"""Called with the answer about a receipt; None if the service does not know the event."""


class QuestionClient:
    """Makes the requests. `Dispatcher` uses it like a client that sends events.

    Args:
        client: Signs and sends.
        destination: The instance, and the event type to list.
    """

    def __init__(self, client: SupplyChainClient, destination: Destination) -> None:
        self._client = client
        self._path = send_path(destination.instance_id)
        self._event_type = destination.event_type
        self.answers: dict[tuple[int, int], EventAnswer | Page | None] = {}
        self.calls = 0

    async def attempt(self, event: Event) -> Outcome:
        """Ask once. If the outcome is an acceptance, ``answers`` has the answer."""
        self.calls += 1
        is_list = event.window == LIST_WINDOW
        try:
            if is_list:
                query = {"eventType": self._event_type, "maxResults": PAGE_EVENTS}
                query |= {"nextToken": event.token} if event.token else {}
                response = await self._client.get(self._path, urlencode(query, quote_via=quote, safe=""))
            else:
                response = await self._client.get(f"{self._path}/{quote(event.token, safe='')}")
        except TransportError as error:
            return no_answer(error)
        if response.status != _OK:
            outcome = read_response(response.status, response.headers, response.body)
            if outcome.code == _NOT_FOUND and outcome.of_service and not is_list:
                self.answers[event.window, event.index] = None
                return Outcome(OutcomeKind.ACCEPTED, status=outcome.status)
            return outcome
        answer = read_page(response.body) if is_list else read_event(response.body)
        if answer is None or (isinstance(answer, EventAnswer) and answer.event_id != event.token):
            return Outcome(OutcomeKind.UNKNOWN, code="NotAnAnswer", status=response.status)
        self.answers[event.window, event.index] = answer
        return Outcome(OutcomeKind.ACCEPTED, status=response.status)

    async def refresh_credentials(self) -> None:
        """Get new credentials for all later attempts."""
        await self._client.refresh_credentials()

    def adjust_clock(self, server_time: float) -> None:
        """Sign all later attempts with the service's time."""
        self._client.adjust_clock(server_time)


class Asker:
    """Asks questions until it is closed or stopped. Use it once.

    Args:
        client: Signs and sends.
        destination: The instance, and the event type to list.
        on_answer: Receives the answers about receipts.
        rate: The user's ceiling in calls per second, or None.
        max_in_flight: Maximum number of requests in flight.
    """

    def __init__(
        self,
        client: SupplyChainClient,
        destination: Destination,
        on_answer: OnAnswer,
        *,
        rate: float | None,
        max_in_flight: int,
    ) -> None:
        self._questions = QuestionClient(client, destination)
        self._on_answer = on_answer
        self._receipts: dict[tuple[int, int], Receipt] = {}
        self._page: Future[Page] | None = None
        self._idle: Future[None] | None = None
        self._numbers = 0
        self.refused: EventResult | None = None
        settings = DeliverySettings(
            rate=rate, max_held_bytes=MAX_HELD_BYTES, drain_seconds=VERIFY_DRAIN_SECONDS
        )
        self._dispatcher = Dispatcher(
            self._questions,
            LearnedLimits(Governor(now=time.monotonic()), InFlightCap(maximum=max_in_flight)),
            Bookkeeping(self._on_result),
            settings=settings,
        )

    @property
    def calls(self) -> int:
        """Requests made."""
        return self._questions.calls

    async def run(self) -> None:
        """Ask until ``close`` was called and all questions are answered, or until ``stop``.

        Raises:
            LoaderError: The service refuses to answer, or does not answer.
        """
        try:
            await self._dispatcher.run()
        except ServiceStopped as error:
            raise _refused(error) from error

    def stop(self, reason: str) -> None:
        """Ask no more questions; wait some seconds for pending answers."""
        self._dispatcher.stop(reason)

    def close(self) -> None:
        """Announce that no more questions follow."""
        self._dispatcher.close_intake()

    async def ask(self, receipt: Receipt) -> None:
        """Ask about a receipt when there is room; the answer goes to ``on_answer``."""
        place = (self._numbers >> 30, self._numbers & 0x3FFFFFFF)
        self._numbers += 1
        self._receipts[place] = receipt
        group = f"{receipt.window}/{receipt.index}/{receipt.first_record}"
        if not await self._dispatcher.offer(_question(*place, group, receipt.event_id)):
            del self._receipts[place]

    async def page(self, token: str) -> Page | None:
        """Return a page of List; None if the service refuses the token."""
        self._page = get_running_loop().create_future()
        await self._dispatcher.offer(_question(LIST_WINDOW, 0, "list", token))
        try:
            return await self._page
        except LookupError:
            return None

    async def answered(self) -> None:
        """Wait until every question about a receipt has its answer."""
        while self._receipts:
            self._idle = get_running_loop().create_future()
            await self._idle

    def _on_result(self, result: EventResult) -> None:
        place = (result.event.window, result.event.index)
        answer = self._questions.answers.pop(place, None)
        is_answered = result.state is EventState.ACCEPTED
        if not is_answered:
            self.refused = result
        if result.event.window == LIST_WINDOW:
            self._on_page(answer if is_answered else None)
            return
        receipt = self._receipts.pop(place)
        if is_answered:
            self._on_answer(receipt, answer if isinstance(answer, EventAnswer) else None)
        if not self._receipts and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _on_page(self, answer: EventAnswer | Page | None) -> None:
        if self._page is None or self._page.done():
            return
        if isinstance(answer, Page):
            self._page.set_result(answer)
        else:
            self._page.set_exception(LookupError())


def _question(window: int, index: int, group: str, token: str) -> Event:
    return Event(window, index, 0, (0,), group, token, None, b"")


def _refused(error: ServiceStopped) -> LoaderError:
    step = error.next_step.replace(
        "scn:SendDataIntegrationEvent", "scn:GetDataIntegrationEvent and scn:ListDataIntegrationEvents"
    )
    return ServiceStopped(
        "The service does not answer questions about events.",
        where=error.where,
        why=error.why,
        next_step=step,
    )
