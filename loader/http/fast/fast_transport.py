"""The default transport: asyncio protocols and the httptools parser.

It implements the part of HTTP/1.1 that the service needs, for one endpoint, without a proxy, at a
fraction of the cost of a general client: a request is one write with a mostly precomputed head, its
answer resolves one future, and no request has its own task or timer. One timer counts ticks for all
connections. Time in which the event loop does not run does not count, so an answer that has already
arrived never times out because it is read late.
"""

import asyncio
import math
from types import TracebackType
from typing import Self

from loader.aws.endpoint import Endpoint
from loader.http.fast.connection import FastConnection
from loader.http.fast.dialer import Dialer
from loader.http.fast.permits import Permits
from loader.http.fast.request_head import RequestHeads
from loader.http.proxy_and_tls import tls_context
from loader.http.transport import Request, Response, TransportError, TransportSettings

TICKS_PER_TIMEOUT = 20
"""Resolution of the shortest timeout."""

MAX_TICK_SECONDS = 0.25
"""Long enough that the check of every connection costs nothing, short enough to be exact to 1 %."""


class FastTransport:
    """Sends requests to one endpoint over persistent connections. See `loader.http.transport`.

    It must be created inside a running event loop.

    Args:
        endpoint: The target.
        settings: Timeouts, limits and certificates.

    Raises:
        SettingsError: The CA bundle cannot be read.
        ValueError: The settings contain a proxy.
    """

    def __init__(self, endpoint: Endpoint, settings: TransportSettings) -> None:
        if settings.proxy_url is not None:
            raise ValueError("the fast transport does not support a proxy")
        tls = tls_context(settings.ca_bundle) if endpoint.scheme == "https" else None
        self._settings = settings
        self._heads = RequestHeads(endpoint.host_header)
        self._dialer = Dialer(endpoint, tls)
        self._idle: list[FastConnection] = []
        self._unwritten: list[FastConnection] = []
        self._connections: set[FastConnection] = set()
        self._places = Permits(settings.max_connections)
        self._obtaining: set[asyncio.Timeout] = set()
        self._obtain_seconds = min(settings.connect_timeout_seconds, settings.total_timeout_seconds)
        self._opened = 0
        self._is_closed = False
        self._is_empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ticker: asyncio.TimerHandle | None = None
        self._tick = 0
        shortest = min(settings.total_timeout_seconds, settings.max_idle_seconds, settings.max_age_seconds)
        self._tick_seconds = min(MAX_TICK_SECONDS, shortest / TICKS_PER_TIMEOUT)
        self._total_ticks = self._ticks(settings.total_timeout_seconds)
        self._idle_ticks = self._ticks(settings.max_idle_seconds)
        self._age_ticks = self._ticks(settings.max_age_seconds)

    async def send(self, request: Request) -> Response:
        """Send a request and return the answer.

        Raises:
            TransportError: No answer arrived.
        """
        try:
            head = self._heads.head(request)
        except ValueError as error:
            raise TransportError("InvalidRequest", str(error), may_have_been_accepted=False) from error
        due_tick = self._tick + self._total_ticks
        has_place = self._places.take()
        connection = self._pop_idle() if has_place else None
        if connection is None:
            began = self._loop.time()
            connection = await self._obtain(has_place=has_place)
            # Rounded up, so that connecting and request together stay within the total timeout.
            obtain_ticks = math.ceil((self._loop.time() - began) / self._tick_seconds)
            due_tick = self._tick + max(1, self._total_ticks - obtain_ticks)
        waiter = connection.send(head, request.body, due_tick)
        try:
            return await waiter
        except asyncio.CancelledError:
            connection.cancel(waiter)
            raise

    async def close(self) -> None:
        """Close every connection, including those that are being opened."""
        self._is_closed = True
        for scope in self._obtaining:
            scope.reschedule(self._loop.time())
        for connection in tuple(self._connections):
            connection.close(TransportError("TransportClosed", may_have_been_accepted=True))
        self._note_if_empty()
        await self._is_empty.wait()
        if self._ticker is not None:
            self._ticker.cancel()

    def _pop_idle(self) -> FastConnection | None:
        """Return the most recently used connection, so that surplus connections become idle and close."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _obtain(self, *, has_place: bool) -> FastConnection:
        """Wait for a permit, then reuse an idle connection or open a new one."""
        try:
            async with asyncio.timeout(self._obtain_seconds) as scope:
                self._obtaining.add(scope)
                try:
                    if not has_place:
                        await self._places.wait()
                    return await self._connection_in_place()
                finally:
                    self._obtaining.discard(scope)
                    self._note_if_empty()
        except TimeoutError:
            code = "TransportClosed" if self._is_closed else "ConnectTimeout"
            raise TransportError(code, may_have_been_accepted=False) from None

    async def _connection_in_place(self) -> FastConnection:
        try:
            return self._pop_idle() or await self._open()
        except BaseException:
            self._places.give_back()
            raise

    async def _open(self) -> FastConnection:
        if self._is_closed:
            raise TransportError("TransportClosed", may_have_been_accepted=False)
        connection = await self._dialer.dial(lambda: FastConnection(self, self._settings.max_body_bytes))
        if not connection.is_open:  # the peer has already closed it
            raise TransportError("ConnectFailed", may_have_been_accepted=False)
        self._connections.add(connection)
        # The ages are spread over a quarter of the limit, so that connections opened together are not all
        # replaced at once.
        self._opened += 1
        spread_ticks = self._opened % 16 * self._age_ticks // 64
        connection.last_tick = connection.due_tick = self._tick + self._age_ticks - spread_ticks
        if self._ticker is None:
            self._ticker = self._loop.call_later(self._tick_seconds, self._on_tick)
        return connection

    def _note_if_empty(self) -> None:
        if self._is_closed and not self._connections and not self._obtaining:
            self._is_empty.set()

    def _on_tick(self) -> None:
        self._tick += 1
        for connection in [each for each in self._connections if each.due_tick <= self._tick]:
            connection.close(TransportError("Timeout", may_have_been_accepted=True))
        self._ticker = self._loop.call_later(self._tick_seconds, self._on_tick) if self._connections else None

    def _ticks(self, seconds: float) -> int:
        return int(seconds / self._tick_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _write_all(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        for connection in unwritten:
            connection.write()

    # The connections call the methods below.

    def write_soon(self, connection: FastConnection) -> None:
        """Write in the next round of the event loop, in one batch with all other connections."""
        if not self._unwritten:
            self._loop.call_soon(self._write_all)
        self._unwritten.append(connection)

    def take_back(self, connection: FastConnection) -> None:
        """Keep a connection for the next request if it is still usable."""
        if connection.is_open:
            if self._tick < connection.last_tick:
                connection.due_tick = self._tick + self._idle_ticks
                self._idle.append(connection)
            else:
                connection.close(TransportError("TooOld", may_have_been_accepted=False))
        self._places.give_back()

    def forget(self, connection: FastConnection) -> None:
        """Remove a closed connection."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._note_if_empty()
