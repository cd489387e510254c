"""A uvloop protocol that sends one fixed request over and over: the ceiling of Python on one core.

python -m benchmarks.peers.bare_protocol --url URL --rows FILE --seconds 10 --connections 64

It makes no body, signs nothing and hardly looks at the answers. Nothing that does a load's work can be
faster; the distance to it is the price of that work.
"""

import asyncio
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.peers.bare_aiohttp import events_url, request_body
from benchmarks.peers.rows import Rows, Sent, arguments, tell

RECEIPT = b'"eventId"'
"""In every answer that accepts an event, once; a small answer comes in one piece."""


class _Sender(asyncio.Protocol):
    """Sends the request again whenever it is answered."""

    def __init__(self, request: bytes, sent: Sent, ends_at: float) -> None:
        self._request = request
        self._sent = sent
        self._ends_at = ends_at
        self._transport: asyncio.WriteTransport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods, not by their class.
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._sent.accepted += data.count(RECEIPT)
        if time.monotonic() < self._ends_at:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(exc)


async def main() -> None:
    """Send the request until the time is over, and print the result."""
    options = arguments("a bare protocol", connections={"type": int, "default": 64})
    target = urlsplit(options.url)
    row = Rows(options.rows, 1.0).next()
    assert row is not None
    body = request_body(row)
    path = urlsplit(events_url(options.url)).path
    head = f"POST {path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    sent = Sent()
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    connections = [
        await loop.create_connection(
            lambda: _Sender(head.encode() + body, sent, began + options.seconds), target.hostname, target.port
        )
        for _ in range(options.connections)
    ]
    await asyncio.gather(*(sender.ended for _, sender in connections))
    sent.seconds = time.monotonic() - began
    tell(sent, "uvloop")


if __name__ == "__main__":
    uvloop.run(main())
