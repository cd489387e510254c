"""The emulator as an HTTP server on loopback: inside this process, or blocking for the command line."""

import asyncio
import gc
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from loader.emulator.faults import FaultPlan
from loader.emulator.http.control import PREFIX, control
from loader.emulator.http.wire import deliver
from loader.emulator.model.refusal import Refusal
from loader.emulator.service.answers import Answer
from loader.emulator.service.service import Service
from loader.emulator.service.signatures import WireRequest
from loader.emulator.settings import EmulatorSettings, QuotaSettings
from loader.emulator.store.ledger import LedgerRow
from loader.emulator.store.store import Store

_BACKLOG = 1024
_DRAIN_SECONDS = 1.0
"""How long the emulator waits at its end for calls in flight."""

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
"""Allocations between two collections of the youngest generation. The rows of the ledger live long and form
no cycles. With Python's default of 700, a collection visits all of them every few seconds, and no call is
answered for a tenth of a second, which clients mistake for a quota."""

_COLLECTIONS_OF_THE_YOUNG = 1_000_000
"""Collections of the youngest generation before one of the next. With Python's default of ten, no call was
answered for a third of a second, about once in 110,000 calls."""


class Emulator:
    """A running emulator, for the code that started it in the same process.

    Args:
        url: Its address.
        service: The service that it serves.
        server: The HTTP server in front of it.

    Attributes:
        url: Endpoint URL for clients.
        service: The service behind it.
    """

    def __init__(self, url: str, service: Service, server: web.Server) -> None:
        self.url = url
        self.service = service
        self._server = server

    @property
    def open_connections(self) -> int:
        """The number of open connections; 0 after a client ended and its last request was answered."""
        return len(self._server.connections)

    def summary(self) -> dict[str, Any]:
        """Return the ledger in numbers, like ``GET /_emulator/ledger``."""
        return self.service.summary()

    async def rows(self) -> list[LedgerRow]:
        """Return the whole ledger, in order of arrival."""
        store = self.service.store
        return await store.read(lambda: store.ledger.page(0, -1))

    async def lake(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the result of an SQL query on the lake."""
        store = self.service.store
        return await store.read(lambda: store.lake.query(sql))

    async def flush(self) -> None:
        """Write ledger and lake to their files now."""
        await self.service.store.flush()

    def advance_clock(self, seconds: float) -> None:
        """Let time pass for tokens, events and quotas, but not for signatures."""
        self.service.clock.advance(seconds)

    def skew_clock(self, seconds: float) -> None:
        """Set the clock of signatures and ``Date`` this far ahead of real time."""
        self.service.clock.skew_seconds = seconds

    def set_quota(self, settings: QuotaSettings) -> None:
        """Replace the quota."""
        self.service.set_quota(settings)

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the fault plan."""
        self.service.set_faults(plan)


@asynccontextmanager
async def running_emulator(settings: EmulatorSettings) -> AsyncIterator[Emulator]:
    """Run an emulator on the current event loop for the duration of the context.

    Args:
        settings: The settings; port 0 picks a free port.

    Yields:
        The running emulator.

    Raises:
        OSError: The port is taken, or a file cannot be used.
        sqlite3.DatabaseError: A ledger or lake file is not an SQLite file.
    """
    store = Store(settings.ledger_path, settings.lake_path)
    try:
        service = Service(settings, store)
        await service.restore()
        store.start()
        server = _web_server(service)
        runner = web.ServerRunner(server, shutdown_timeout=_DRAIN_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(
                runner, settings.host, settings.port, ssl_context=_tls(settings), backlog=_BACKLOG
            )
            await site.start()
            yield Emulator(site.name, service, server)
        finally:
            await runner.cleanup()
    finally:
        await store.close()


def run_emulator(settings: EmulatorSettings, *, port: int, announce: Callable[[str], None]) -> None:
    """Run an emulator until SIGINT or SIGTERM; then answer calls in flight and write everything to the files.

    Args:
        settings: The settings.
        port: TCP port; 0 picks a free one.
        announce: Called with the endpoint URL when the emulator listens.

    Raises:
        OSError: The port is taken, or a file cannot be used.
        sqlite3.DatabaseError: A ledger or lake file is not an SQLite file.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS, _COLLECTIONS_OF_THE_YOUNG)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run_until_signal(settings.model_copy(update={"port": port}), announce))


async def _run_until_signal(settings: EmulatorSettings, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_emulator(settings) as emulator:
        announce(emulator.url)
        await stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - does not exist on Windows

    return uvloop.new_event_loop


def _web_server(service: Service) -> web.Server:
    loop = asyncio.get_running_loop()
    size = service.settings.max_body_bytes

    def make_request(
        message: RawRequestMessage, payload: Any, protocol: Any, writer: Any, task: Any
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=size)

    return web.Server(
        partial(_handle, service),
        request_factory=make_request,
        handler_cancellation=True,  # if the client is gone, its call is no longer in flight
        access_log=None,
        auto_decompress=False,  # signatures are over the bytes as sent
    )


async def _handle(service: Service, request: web.BaseRequest) -> web.StreamResponse:
    expected = request.headers.get("Expect")
    if expected is not None and not _go_on(request, expected):
        refusal = Refusal("MalformedHttpRequestException", "The expectation of the request cannot be met")
        answer = service.refuse_unread(request.method, request.raw_path, refusal)
        return await deliver(request, answer, service.clock.date_header())
    try:
        body = await _body(request)
    except HTTPRequestEntityTooLarge:
        refusal = Refusal("RequestEntityTooLargeException", "The request body is too large")
        answer = service.refuse_unread(request.method, request.raw_path, refusal)
    else:
        answer = await _answer(service, WireRequest(request.method, request.raw_path, request.headers, body))
    return await deliver(request, answer, service.clock.date_header())


def _go_on(request: web.BaseRequest, expected: str) -> bool:
    """Send "100 Continue" to a client that waits for it; return whether that is what it expects."""
    if expected.lower() != "100-continue":
        return False
    if request.transport is not None and not request.content.is_eof():
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return True


async def _body(request: web.BaseRequest) -> bytes:
    content = request.content
    if content.is_eof() and content.total_bytes <= request.client_max_size:
        return content.read_nowait()  # the whole body has arrived; read() would check twice for more
    return await request.read()


async def _answer(service: Service, request: WireRequest) -> Answer:
    if request.target.startswith(PREFIX):
        return await control(service, request)
    return await service.receive(request)


def _tls(settings: EmulatorSettings) -> ssl.SSLContext | None:
    if settings.certfile is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.certfile, settings.keyfile)
    return context
