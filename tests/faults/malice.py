"""An endpoint that means harm: each connection meets another kind of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from types import TracebackType
from typing import Self

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def endless_headers() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in count():
        yield b"X-Padding-%d: %s\r\n" % (number, b"x" * 4000)


async def one_endless_header() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Padding: "
    while True:
        yield b"x" * 65_536


async def endless_body() -> AsyncIterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b"[" * 65_536 + b"\r\n"


async def huge_length() -> AsyncIterator[bytes]:
    yield HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"
    while True:
        yield b" " * 65_536


async def informational_for_ever() -> AsyncIterator[bytes]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 100
        await asyncio.sleep(0.01)


async def slow_drip() -> AsyncIterator[bytes]:
    yield HEAD + b"Content-Length: 1000\r\n\r\n"
    while True:
        yield b" "
        await asyncio.sleep(0.2)


async def silence() -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


async def deep_json() -> AsyncIterator[bytes]:
    body = b'{"message": ' + b"[" * 60_000
    yield b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\nX-Amzn-ErrorType: ??\r\n\r\n%s" % (len(body), body)


async def huge_numbers() -> AsyncIterator[bytes]:
    nines = b"9" * 5000
    body = b'{"eventId": ' + nines + b', "message": ' + nines + b"}"
    head = b"HTTP/1.1 503 Later\r\nRetry-After: %s\r\nx-amz-retry-after: %s\r\nDate: %s\r\n" % ((nines,) * 3)
    yield head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def control_characters() -> AsyncIterator[bytes]:
    body = b'{"message": "\\u001b[2J\\u0000\\ud800 %s"}' % (b"A" * 50_000)
    yield b"HTTP/1.1 500 \x1b[31m\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def redirect() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 307 Elsewhere\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"


KINDS: tuple[Callable[[], AsyncIterator[bytes]], ...] = (
    endless_headers,
    one_endless_header,
    endless_body,
    huge_length,
    informational_for_ever,
    slow_drip,
    silence,
    deep_json,
    huge_numbers,
    control_characters,
    redirect,
)


class MaliciousEndpoint:
    """Listens on loopback; the n-th request gets the n-th kind of answer, over and over.

    Attributes:
        kinds: Names of the kinds.
        requests: How many requests began.
        tried: Kinds that were sent.
    """

    def __init__(self) -> None:
        self.kinds = [kind.__name__ for kind in KINDS]
        self.requests = 0
        self.tried: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            kind = KINDS[self.requests % len(KINDS)]
            self.requests += 1
            self.tried.add(kind.__name__)
            async for data in kind():
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the loader has had enough, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()
