"""The transports there are, and a server for each to talk to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import uvloop

from loader.aws.endpoint import Endpoint
from loader.http.aiohttp_transport import AiohttpTransport
from loader.http.fast.fast_transport import FastTransport
from loader.http.transport import Request, Transport, TransportSettings
from tests.http.scripted_server import ScriptedServer, Step
from tests.service.samples import loopback_endpoint

MakeTransport = Callable[[Endpoint, TransportSettings], Transport]
TRANSPORTS: dict[str, MakeTransport] = {"aiohttp": AiohttpTransport, "fast": FastTransport}


class OpenUvloop(uvloop.Loop):
    """A uvloop whose methods a test can replace, as it can those of asyncio's own loop."""


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": OpenUvloop,
}

PATIENT = TransportSettings(max_connections=4)
HASTY = replace(PATIENT, connect_timeout_seconds=0.5, total_timeout_seconds=0.5)
POST = Request("POST", "/api-data/x", {"Content-Type": "application/json", "X-Amz-Date": "now"}, b'{"a":1}')


@asynccontextmanager
async def talking(
    make_transport: MakeTransport, *steps: Step, settings: TransportSettings = PATIENT
) -> AsyncIterator[tuple[Transport, ScriptedServer]]:
    """A transport, and a server that does these steps."""
    async with ScriptedServer(list(steps)) as server:
        transport = make_transport(loopback_endpoint(server.port), settings)
        try:
            yield transport, server
        finally:
            await transport.close()


async def until(happens: Callable[[], bool]) -> None:
    """Run the event loop until a condition holds that has no notification."""
    async with asyncio.timeout(10):
        while not happens():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
