"""A server on a real socket that does, request by request, what its script says: answers and faults."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.service.samples import RECEIPT


@dataclass
class Received:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Step:
    """What the server does with one request.

    Attributes:
        act: What it does once it has read the request, or instead of reading it.
        reads: Whether it reads the request first.
        keeps_open: Whether the connection stays open for another request.
    """

    act: Act
    reads: bool = True
    keeps_open: bool = False


@dataclass
class ScriptedServer:
    """Takes one step per request, over all connections; the last step is repeated.

    Attributes:
        steps: The script.
        tls: Context to serve https with.
        requests: What it read, in order.
        has_read: Set once it has read a request.
        has_ended: Set once it is done with a connection.
        connections: How many connections it accepted.
    """

    steps: list[Step]
    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    has_read: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    _taken: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._serve(reader, writer, self.connections)
        except asyncio.CancelledError:  # the test is over
            pass
        finally:
            self._tasks.discard(task)
            self.has_ended.set()
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        while True:
            step = self.steps[min(self._taken, len(self.steps) - 1)]
            if step.reads:
                self.requests.append(await read_request(reader, connection))
                self.has_read.set()
                # While this connection waited, others may have taken steps.
                step = self.steps[min(self._taken, len(self.steps) - 1)]
            self._taken += 1
            await step.act(reader, writer)
            if not step.keeps_open:
                return


async def read_request(reader: asyncio.StreamReader, connection: int) -> Received:
    """Read one request to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body, connection)


def answer(status: int = 200, body: bytes = RECEIPT, headers: str = "", *, keeps_open: bool = True) -> Step:
    """Answer as a well-behaved server does."""
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return raw(head.encode() + body, keeps_open=keeps_open)


def raw(data: bytes, *, keeps_open: bool = False) -> Step:
    """Send these bytes for an answer."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return Step(act, keeps_open=keeps_open)


def raw_unread(data: bytes) -> Step:
    """Send these bytes before the request was read, then read it and close."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await read_request(reader, 0)

    return Step(act, reads=False)


def reset(*, reads: bool) -> Step:
    """Reset the connection, before or after the request was read."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw_socket: socket.socket = writer.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return Step(act, reads=reads)


def close(*, reads: bool) -> Step:
    """Close the connection without an answer, before or after the request was read."""

    async def act(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        return

    return Step(act, reads=reads)


def endless(start: bytes, again: bytes, *, pause_seconds: float = 0.0) -> Step:
    """Send something, and then more until the connection ends."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for data in _endless(start, again):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return Step(act)


def _endless(start: bytes, again: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield again


def silence(*, reads: bool = True) -> Step:
    """Never say anything, and leave the connection open until the other side closes it."""

    async def act(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    return Step(act, reads=reads)
